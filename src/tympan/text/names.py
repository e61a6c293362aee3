"""English words that are written with a capital: days, months, and a closed list of countries, languages and peoples.

Names of persons and places are none of these, and nobody can tell them from words by a list: they stay as they were heard.
"""

from __future__ import annotations

from collections.abc import Sequence

from tympan.text.spoken_numbers import is_number, listed

DAYS = frozenset(listed("monday tuesday wednesday thursday friday saturday sunday"))
MONTHS = frozenset(listed("january february april june july august september october november december"))
VERBS_TOO = frozenset(("march", "may"))  # months only beside a number, or after one of these:
BEFORE_MONTHS = frozenset(listed("in of since until early late mid during"))

COUNTRIES = listed("""
afghanistan albania algeria andorra angola argentina armenia australia austria azerbaijan bahrain bangladesh barbados belarus
belgium belize benin bhutan bolivia bosnia botswana brazil britain brunei bulgaria burundi cambodia cameroon canada chile china colombia
comoros congo croatia cuba cyprus czechia denmark ecuador egypt england eritrea estonia ethiopia fiji finland france gabon gambia
germany ghana greece greenland guatemala guyana haiti honduras hungary iceland india indonesia iran iraq ireland israel italy jamaica
japan kazakhstan kenya kosovo kuwait kyrgyzstan laos latvia lebanon lesotho liberia libya liechtenstein lithuania luxembourg
madagascar malawi malaysia maldives malta mauritania mauritius mexico moldova monaco mongolia montenegro morocco mozambique
myanmar namibia nepal netherlands nicaragua nigeria norway oman pakistan palestine panama paraguay peru philippines poland
portugal prussia qatar romania russia rwanda samoa scotland senegal serbia singapore slovakia slovenia somalia spain sudan suriname
swaziland sweden switzerland syria taiwan tajikistan tanzania thailand tunisia turkmenistan uganda ukraine uruguay uzbekistan
vanuatu venezuela vietnam wales yemen zambia zimbabwe america africa asia europe
""")
LANGUAGES_AND_PEOPLES = listed("""
afghan african albanian american arab arabic argentine armenian asian australian austrian basque belgian bengali bolivian brazilian
breton british bulgarian burmese canadian cantonese catalan chilean chinese colombian croatian cuban czech danish dutch egyptian english
englishman englishmen englishwoman estonian ethiopian european filipino finnish flemish french frenchman frenchmen frenchwoman gaelic
german ghanaian greek hebrew hindi hungarian icelandic indian indonesian iranian iraqi irish irishman irishmen israeli italian jamaican
japanese javanese kenyan korean kurdish latin latvian lebanese lithuanian malay maltese mandarin maori mexican mongolian moroccan nepali
nigerian norwegian pakistani palestinian persian peruvian portuguese prussian punjabi roman romanian russian sanskrit scandinavian
scottish scotsman scotsmen serbian siberian slavic slovak slovene somali spaniard spanish swahili swede swedish swiss syrian tagalog tamil
thai tibetan turk turkish ukrainian urdu venezuelan vietnamese welsh welshman yiddish zulu
""")  # without polish, which is more often what makes a shoe shine; nor is turkey, a bird, among the countries
PHRASES = frozenset(
    {
        ("costa", "rica"),
        ("czech", "republic"),
        ("dominican", "republic"),
        ("el", "salvador"),
        ("great", "britain"),
        ("hong", "kong"),
        ("ivory", "coast"),
        ("new", "zealand"),
        ("north", "america"),
        ("north", "korea"),
        ("papua", "new", "guinea"),
        ("saudi", "arabia"),
        ("sierra", "leone"),
        ("south", "africa"),
        ("south", "america"),
        ("south", "korea"),
        ("sri", "lanka"),
        ("trinidad", "and", "tobago"),
        ("united", "arab", "emirates"),
        ("united", "kingdom"),
        ("united", "nations"),
        ("united", "states"),
    }
)
SMALL = frozenset(("and", "of"))  # within phrases
PROPER = frozenset((*DAYS, *MONTHS, *COUNTRIES, *LANGUAGES_AND_PEOPLES))
LONGEST = max(map(len, PHRASES))


def with_capitals(words: Sequence[str]) -> list[str]:
    """The words with capitals where these lists, or the pronoun I, ask for them."""
    written = [capital(word) if is_proper(words, index) else word for index, word in enumerate(words)]
    lower = [bare(word) for word in words]
    for index in range(len(words)):
        for length in range(2, min(LONGEST, len(words) - index) + 1):
            if tuple(lower[index : index + length]) in PHRASES:
                for inner in range(index, index + length):
                    written[inner] = words[inner] if words[inner] in SMALL else capital(words[inner])
    return written


def is_proper(words: Sequence[str], index: int) -> bool:
    """Whether one word of these has a capital wherever it stands."""
    word = words[index].lower()
    if word == "i" or word.startswith("i'"):
        return True
    word = bare(word)
    if word in VERBS_TOO:
        beside = [*words[max(0, index - 1) : index], *words[index + 1 : index + 2]]
        return any(map(is_number, beside)) or words[max(0, index - 1)].lower() in BEFORE_MONTHS
    return word in PROPER or (word.endswith("s") and word[:-1] in PROPER)  # germans, mondays


def bare(word: str) -> str:
    """In lower case, without the ending of a genitive."""
    return word.lower().removesuffix("'s").removesuffix("'")


def capital(word: str) -> str:
    """With a capital first letter, behind an apostrophe too; the rest as it is."""
    for index, letter in enumerate(word):
        if letter.isalpha():
            return word[:index] + letter.upper() + word[index + 1 :]
        if letter.isdigit():
            break
    return word
