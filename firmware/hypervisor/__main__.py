"""``python -m firmware.hypervisor`` builds the variant that the environment chooses, and prints its path."""

from firmware.hypervisor import image
from firmware.lang import build

print(build(image))
