"""Our search for a model beside other people's, on tables of any origin.

``tables`` finds them, ``splits`` holds rows back, ``systems`` says who competes, ``runs`` runs one,
``scores`` judges all alike, ``report`` and ``verdicts`` tell. ``adapters/`` are scripts that run in
the environments of ``requirements/``. Invariant: no system sees a held-back target.
"""
