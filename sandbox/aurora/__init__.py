"""RDS for the sandbox: Aurora MySQL clusters with real servers behind them."""

from sandbox.aurora.backend import SandboxRDS, install

__all__ = ["SandboxRDS", "install"]
