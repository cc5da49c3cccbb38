"""Which tokens did each head look at?"""
