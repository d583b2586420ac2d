"""What a narrator is asked: the instruction and the form of its reply."""
