"""When did the answer form?"""
