"""Which tokens of the text speak for what was said?"""
