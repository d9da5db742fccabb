"""What travels and rests: events, topics, reference rows, errors, and the pure codecs around them."""
