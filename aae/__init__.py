"""AAE Playground: adversarial autoencoders (Makhzani et al., arXiv 1511.05644) to train, explore and measure."""

from aae.models import AAE

__version__ = "0.1.0"
__all__ = ["AAE", "__version__"]
