"""What the handler of each kind decodes a target's `definition` into: one env's, resolved.

`domain.product.kinds` makes them of the document, as plain JSON; `domain.target` carries them.
"""
