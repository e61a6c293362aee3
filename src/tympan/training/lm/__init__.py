"""Training of neural language models: texts become a network that says what comes next."""
