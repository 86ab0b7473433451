"""Whether a bill of materials is valid CycloneDX 1.6: check_sbom.py FILE. Runs in the packaging's own Python environment."""

import pathlib
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(pathlib.Path(sys.argv[1]).read_text())
if fault:
    sys.exit(f"{sys.argv[1]} is no CycloneDX 1.6: {fault}")
