"""What an operation would do, found out by doing it over rehearsed ports (docs/decisions/0005).

`world` has the rehearsed ports, `steps` calls the functions of the procedure in the machines' order, `making` puts a
plan together and holds a later one against it.
"""
