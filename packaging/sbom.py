"""What is inside the program, from cargo's own metadata: a CycloneDX 1.6 bill of materials, and the licences' texts.

    sbom.py TRIPLE RUSTC OUT.cdx.json LICENCES.txt

Crates that only help to build (build scripts, macros and what they need) are listed with scope `excluded`. The C libraries inside
(OpenSSL, SQLite) and Rust's own library are components of their own. The same inputs give the same bytes: the time is that of
SOURCE_DATE_EPOCH, the serial number is derived from the components, and no path of this machine is named.
"""

import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib
import uuid

CARGO = os.environ.get("CARGO", "cargo")
FEATURES = ["--features", "vendored"]
LICENCE_FILE = re.compile(r"^(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)


def output(*command: str) -> str:
    """What a command prints; its failure is ours."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def tree(triple: str, edges: str) -> set[tuple[str, str]]:
    """Names and versions of the crates that the program's are joined to by edges of these kinds."""
    listed = output(CARGO, "tree", "--locked", "--package", "portcullis", *FEATURES, "--target", triple,
                    "--edges", edges, "--prefix", "none", "--format", "{p}")
    pairs = (line.split()[:2] for line in listed.splitlines() if line.strip())
    return {(name, version.removeprefix("v")) for name, version in pairs}


def expression(licence: str | None) -> list[dict]:
    """A crate's `license` as SPDX; older manifests write a stroke for OR."""
    return [{"expression": re.sub(r"\s*/\s*", " OR ", licence)}] if licence else []


def component(package: dict, checksums: dict, inside: bool) -> dict:
    """One crate."""
    name, version = package["name"], package["version"]
    purl = f"pkg:cargo/{name}@{version.replace('+', '%2B')}"
    found = {"type": "library", "bom-ref": purl, "name": name, "version": version, "scope": "required" if inside else "excluded"}
    if package["description"]:
        found["description"] = " ".join(package["description"].split())
    if checksum := checksums.get((name, version)):
        found["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if licences := expression(package["license"]):
        found["licenses"] = licences
    found["purl"] = purl
    if package["repository"]:
        found["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return found


def carried(packages: list[dict], rustc: str) -> list[tuple[str, dict]]:
    """What is inside and no crate: C libraries, each with the name of the crate that brings it, and Rust's own library."""
    found = []
    for package in packages:
        if package["name"] == "openssl-src":
            found.append(("openssl-sys", library("openssl", package["version"].split("+")[1], "Apache-2.0", "openssl:openssl")))
        if package["name"] == "libsqlite3-sys":
            header = pathlib.Path(package["manifest_path"]).parent / "sqlite3/sqlite3.h"
            version = re.search(r'^#define SQLITE_VERSION\s+"([^"]+)"', header.read_text(), re.MULTILINE)[1]
            found.append((package["name"], library("sqlite", version, "blessing", "sqlite:sqlite")))
    found.append(("portcullis", library("rust-std", rustc.split()[1], "MIT OR Apache-2.0", "rust-lang:rust")))
    return found


def library(name: str, version: str, licence: str, vendor: str) -> dict:
    """A library that is no crate, with the name under which vulnerabilities are published."""
    purl = f"pkg:generic/{name}@{version}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "scope": "required",
            "licenses": [{"expression": licence}], "cpe": f"cpe:2.3:a:{vendor}:{version}:*:*:*:*:*:*:*", "purl": purl}


def dependencies(metadata: dict, refs: dict, extra: list[tuple[str, dict]]) -> list[dict]:
    """Who needs whom, of the crates that are listed; what only tests need is none of the program's."""
    graph = {ref: set() for ref in refs.values()} | {item["bom-ref"]: set() for _, item in extra}
    for node in metadata["resolve"]["nodes"]:
        if node["id"] not in refs:
            continue
        for needed in node["deps"]:
            kinds = {kind["kind"] for kind in needed["dep_kinds"]}
            if needed["pkg"] in refs and kinds != {"dev"}:
                graph[refs[node["id"]]].add(refs[needed["pkg"]])
    names = {package["id"]: package["name"] for package in metadata["packages"]}
    for crate, item in extra:
        for package, ref in refs.items():
            if names[package] == crate:
                graph[ref].add(item["bom-ref"])
    return [{"ref": ref, "dependsOn": sorted(graph[ref])} for ref in sorted(graph)]


def licence_texts(packages: list[dict]) -> str:
    """Each licence text once, under the crates that bring it, as their terms ask for."""
    texts: dict[str, list[str]] = {}
    for package in packages:
        folder = pathlib.Path(package["manifest_path"]).parent
        files = sorted(file for file in folder.iterdir() if file.is_file() and LICENCE_FILE.match(file.name))
        if package["name"] == "openssl-src":
            files.append(folder / "openssl/LICENSE.txt")
        if not files:
            texts.setdefault(f"(no text comes with it; its manifest says: {package['license']})", []).append(label(package))
        for file in files:
            text = "\n".join(line.rstrip() for line in file.read_text(errors="replace").splitlines()).strip()
            texts.setdefault(text, []).append(label(package))
    sections = (f"{', '.join(sorted(set(names)))}\n\n{text}\n" for text, names in sorted(texts.items(), key=lambda item: sorted(item[1])))
    return f"\n{'=' * 100}\n\n".join(sections)


def label(package: dict) -> str:
    """A crate as a person reads it."""
    return f"{package['name']} {package['version']}"


def main(triple: str, rustc: str, bom: str, licences: str) -> None:
    """Writes both files."""
    metadata = json.loads(output(CARGO, "metadata", "--locked", "--format-version", "1", *FEATURES, "--filter-platform", triple))
    with open("Cargo.lock", "rb") as file:
        checksums = {(one["name"], one["version"]): one.get("checksum") for one in tomllib.load(file)["package"]}
    inside, all_needed = tree(triple, "normal,no-proc-macro"), tree(triple, "normal,build")
    # The crate that brings OpenSSL's source is needed to build; the source itself is inside.
    needed = sorted((one for one in metadata["packages"] if (one["name"], one["version"]) in all_needed),
                    key=lambda one: (one["name"], one["version"]))
    crates = {one["id"]: component(one, checksums, (one["name"], one["version"]) in inside) for one in needed}
    extra = carried(needed, rustc)
    root = next(item for item in crates.values() if item["name"] == "portcullis")
    components = [item for item in crates.values() if item is not root] + [item for _, item in extra]
    root_component = {key: value for key, value in root.items() if key != "scope"} | {"type": "application"}
    refs = {package: item["bom-ref"] for package, item in crates.items()}
    body = {"components": components, "dependencies": dependencies(metadata, refs, extra)}
    moment = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.UTC)
    serial = uuid.uuid5(uuid.NAMESPACE_URL, root["purl"] + json.dumps(body, sort_keys=True))
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}", "version": 1,
        "metadata": {"timestamp": moment.strftime("%Y-%m-%dT%H:%M:%SZ"), "lifecycles": [{"phase": "build"}],
                     "tools": {"components": [{"type": "application", "name": "rustc", "version": rustc.split()[1]}]},
                     "component": root_component},
        **body,
    }
    pathlib.Path(bom).write_text(json.dumps(document, indent=1) + "\n")
    shipped = [one for one in needed if (one["name"], one["version"]) in inside and one["name"] != "portcullis"]
    shipped += [one for one in needed if one["name"] == "openssl-src"]
    pathlib.Path(licences).write_text(licence_texts(shipped))


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
