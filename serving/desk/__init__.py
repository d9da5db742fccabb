"""The desk: where duties are kept, acted upon, watched over and accounted for."""
