"""What a fine-tuned model gets right and wrong, as one self-contained page with pictures."""
