def raised(text, sentences=()):
    return []
def is_only_asking(text):
    return False
