"""What a drawing says, read from its elements."""


def texts(tree):
    """Every text below an element."""
    return [tree] if isinstance(tree, str) else [text for child in tree[2] for text in texts(child)]


def told(drawing):
    """All texts of a drawing in one line."""
    return " ".join(text for element in drawing.tree for text in texts(element))


def presses(tree):
    """Every press a tree of elements offers."""
    if isinstance(tree, str):
        return []
    own = [tree[1]["data-press"]] if "data-press" in tree[1] else []
    return own + [press for child in tree[2] for press in presses(child)]
