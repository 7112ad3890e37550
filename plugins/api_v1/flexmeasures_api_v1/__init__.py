"""Versions 1.0 to 1.3 of the API, a module and a plugin each, which can be disabled one by one.

They share endpoint functions with later versions (flexmeasures_api); what is theirs stands in one declaration
each. In all of them a plain horizon counts from the end of the posted period.
"""
