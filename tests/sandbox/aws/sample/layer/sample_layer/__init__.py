class CameTooSoonError(Exception):
    pass


class PermanentlyBrokenError(Exception):
    pass
