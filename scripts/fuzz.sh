#!/bin/sh
# Feeds damaged files and messages to all that reads what strangers make: scripts/fuzz.sh PYTHON SECONDS [TARGET...]
# Targets: arpa audio bundle manifest messages ngram scorer native; without any, all of them.
# The native part is compiled apart, with clang's AddressSanitizer and coverage, so that the damage is led by what it reaches, also through
# Python. Finds stay in build/fuzz/finds; run one again with the command that is shown and the find in place of the corpus.
set -eu
python=$1 seconds=$2 fuzz=$PWD/build/fuzz
shift 2
[ $# -gt 0 ] || set -- arpa audio bundle manifest messages ngram scorer native
mkdir -p "$fuzz/site" "$fuzz/finds"
echo 'int main() {}' >"$fuzz/probe.cc"
clang++ -fsanitize=address "$fuzz/probe.cc" -o "$fuzz/probe" 2>/dev/null || {
    echo "make fuzz needs clang++ with its sanitizers and libFuzzer (Debian: apt install clang libclang-rt-14-dev, or of its version)." >&2
    exit 1
}
[ -d "$fuzz/site/atheris" ] || "$python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$fuzz/site" atheris==3.0.0

# The package beside atheris, with a module of its own.
rm -rf "$fuzz/site/tympan"
cp -R src/tympan "$fuzz/site/tympan"
rm -f "$fuzz"/site/tympan/_native*.so
cmake -S native -B "$fuzz/module" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_COMPILER=clang++ -DPython_EXECUTABLE="$python" \
    -DCMAKE_CXX_FLAGS="-fsanitize=address,fuzzer-no-link -fno-omit-frame-pointer" -DTYMPAN_OUTPUT="$fuzz/site/tympan" >/dev/null
cmake --build "$fuzz/module" >/dev/null
cmake -S native -B "$fuzz/native" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_COMPILER=clang++ \
    -DTYMPAN_PYTHON=OFF -DTYMPAN_FUZZ=ON -DTYMPAN_SANITIZE=address >/dev/null
cmake --build "$fuzz/native" >/dev/null

export ASAN_OPTIONS=detect_leaks=0:symbolize=0  # naming the functions of a find can take longer than the watchdog waits
PYTHONPATH=$fuzz/site LD_PRELOAD=$fuzz/site/asan_with_fuzzer.so "$python" fuzz/seeds.py "$fuzz/seeds"
# A hang is half a minute, which the sanitizer stretches; seeds stay, for what they reach in other people's libraries is not seen.
limits="-max_total_time=$seconds -timeout=30 -rss_limit_mb=2048 -artifact_prefix=$fuzz/finds/ -print_final_stats=1 -verbosity=0 -print_funcs=0"
limits="$limits -keep_seed=1 -len_control=0"
status=0
for target in "$@"; do
    mkdir -p "$fuzz/corpus/$target"
    if [ "$target" = native ]; then
        preloaded=
        set -- "$fuzz/native/fuzz_ngram" $limits "$fuzz/corpus/native" "$fuzz/seeds/arpa" "$fuzz/seeds/ngram"
    else
        preloaded=$fuzz/site/asan_with_fuzzer.so
        set -- "$python" "fuzz/fuzz_$target.py" $limits "$fuzz/corpus/$target" "$fuzz/seeds/$target"
    fi
    echo "LD_PRELOAD=$preloaded PYTHONPATH=build/fuzz/site $*"
    PYTHONPATH=$fuzz/site LD_PRELOAD=$preloaded "$@" || status=1
done
exit "$status"
