"""Decides: one scan in, one arrival in the hands of one unit out. Steps and rules are pure; the Faust engine carries them."""
