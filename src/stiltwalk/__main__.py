"""`python -m stiltwalk`, as `accelerate launch -m` and `torchrun -m` start it."""

from stiltwalk.cli import main

if __name__ == "__main__":
    main()
