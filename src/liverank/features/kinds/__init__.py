"""The kinds of feature, one file each.

A kind offers expressions (frozen structs with ``compile``) and ``derive``, which names the
features that a layout gives rise to. A new kind is one file here and one line in ``KINDS`` and
``Expression`` of ``liverank.features.spec``.
"""
