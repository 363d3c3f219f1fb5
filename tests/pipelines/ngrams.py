"""5-grams and their likeness as anyone would write them: what the kernels are compared with."""


def five_grams(text: str) -> list[str]:
    """Those of the text without white space; a short text is one itself."""
    bare = "".join(text.split())
    return [bare[i : i + 5] for i in range(max(1, len(bare) - 4))] if bare else []


def true_jaccard(one: str, other: str) -> float:
    first, second = set(five_grams(one)), set(five_grams(other))
    return len(first & second) / len(first | second) if first | second else 0.0
