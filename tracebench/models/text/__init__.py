"""From text to tokens and back, for any tokenizer."""
