//! The other party countersigns checkpoints, and refuses one that does not continue what it signed before.

use portcullis::ledger::checkpoint::SignedCheckpoint;

use super::desk::{Desk, Said};
use super::event;

/// The vendor's folder and key, and the customer's site that knows the key.
fn parties() -> (Desk, Desk) {
    let vendor = Desk::new(0, "");
    let key = vendor.make_key("vendor");
    let customer = Desk::new(5, &format!("ledger: {{file: ledger.sqlite, witnesses: [{{name: Vera Vendor, key: {key}}}]}}\n"));
    (vendor, customer)
}

/// Hands the newest checkpoint and an export over, and has it countersigned.
fn hand_over(customer: &Desk, vendor: &Desk) -> Said {
    customer.done(&["audit", "checkpoint", "--out", "head"]);
    customer.done(&["audit", "export", "--out", "export.jsonl"]);
    for name in ["head", "export.jsonl"] {
        std::fs::copy(customer.path(name), vendor.path(name)).unwrap();
    }
    vendor.run(&[
        "audit",
        "countersign",
        "head",
        "--export",
        "export.jsonl",
        "--key",
        "vendor",
        "--name",
        "vendor.example",
        "--kept",
        "kept",
    ])
}

#[test]
fn a_countersigned_checkpoint_is_recorded_and_shown_to_whoever_verifies() {
    let (vendor, customer) = parties();
    let said = hand_over(&customer, &vendor);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(said.stdout, vendor.read("kept"), "what was signed is kept");
    customer.write("signed", &said.stdout);
    customer.done(&["audit", "import", "signed"]);
    let shown = customer.done(&["audit", "verify"]);
    assert!(shown.contains("countersigned up to event 6 by Vera Vendor (SHA256:"), "{shown}");
    // Off-line too, from an export, and by whoever kept the note.
    customer.done(&["audit", "export", "--out", "export.jsonl"]);
    let export = customer.path("export.jsonl");
    let shown = vendor.done(&["audit", "verify", "--export", export.to_str().unwrap(), "--head", "kept"]);
    assert!(shown.contains("countersigned up to event 6"), "{shown}");
    // It goes on: the next one is signed too.
    customer.ledger().append(&event(6)).unwrap();
    assert_eq!(hand_over(&customer, &vendor).code, 0);
}

#[test]
fn a_signature_by_ssh_keygen_counts_and_ssh_keygen_believes_ours() {
    let (vendor, customer) = parties();
    customer.done(&["audit", "checkpoint", "--out", "head"]);
    std::fs::copy(customer.path("head"), vendor.path("head")).unwrap();
    vendor.program(&["ssh-keygen", "-q", "-Y", "sign", "-n", "checkpoint@portcullis", "-f", "vendor", "head"]);
    std::fs::copy(vendor.path("head.sig"), customer.path("head.sig")).unwrap();
    customer.done(&["audit", "import", "head", "--signature", "head.sig"]);
    assert!(customer.done(&["audit", "verify"]).contains("by Vera Vendor"));
    let note = SignedCheckpoint::parse(hand_over(&customer, &vendor).stdout.as_bytes()).unwrap();
    vendor.write("own", &note.render_own());
    vendor.write("own.sig", &note.countersignatures()[0].signature.encode().unwrap());
    vendor.write("allowed", &format!("vera {}\n", vendor.read("vendor.pub").trim()));
    vendor.program(&["sh", "-c", "ssh-keygen -Y verify -n checkpoint@portcullis -f allowed -I vera -s own.sig <own"]);
}

#[test]
fn a_shorter_ledger_and_a_second_history_are_refused_and_found_by_what_was_kept() {
    let (vendor, customer) = parties();
    let (before, head) = (customer.path("before"), customer.path("before.head"));
    std::fs::copy(customer.path("ledger.sqlite"), &before).unwrap();
    std::fs::copy(customer.path("ledger.head"), &head).unwrap();
    assert_eq!(hand_over(&customer, &vendor).code, 0);
    let kept = vendor.read("kept");
    // The customer, who holds the key, goes back and writes another history.
    for end in ["-wal", "-shm"] {
        drop(std::fs::remove_file(customer.path(&format!("ledger.sqlite{end}"))));
    }
    std::fs::copy(&before, customer.path("ledger.sqlite")).unwrap();
    std::fs::copy(&head, customer.path("ledger.head")).unwrap();
    assert_eq!(customer.run(&["audit", "verify"]).code, 0, "in itself it is whole");
    let said = hand_over(&customer, &vendor);
    assert_eq!(said.code, 7, "the same event, with another content: {}", said.stderr);
    assert!(said.stderr.contains("two histories") && said.stdout.is_empty(), "{}", said.stderr);
    assert_eq!(vendor.read("kept"), kept, "what was signed before stays kept");
    let said = vendor.run(&["audit", "verify", "--export", "export.jsonl", "--head", "kept"]);
    assert_eq!(said.code, 3);
    assert!(said.stdout.contains("audit.fork"), "{}", said.stdout);
    // An older checkpoint is not signed again either.
    vendor.write("head", &std::fs::read_to_string(&head).unwrap());
    let sign = ["audit", "countersign", "head", "--export", "export.jsonl", "--key", "vendor", "--name", "v", "--kept", "kept"];
    let said = vendor.run(&sign);
    assert_eq!(said.code, 7);
    assert!(said.stderr.contains("events are gone"), "{}", said.stderr);
    // The vendor's countersignature is not recorded over the other history.
    customer.write("signed", &kept);
    assert_eq!(customer.run(&["audit", "import", "signed"]).code, 3);
}

#[test]
fn a_stranger_s_countersignature_is_not_recorded() {
    let (vendor, customer) = parties();
    vendor.program(&["rm", "vendor", "vendor.pub"]);
    vendor.make_key("vendor");
    customer.write("signed", &hand_over(&customer, &vendor).stdout);
    let said = customer.run(&["audit", "import", "signed"]);
    assert_eq!(said.code, 7);
    assert!(said.stderr.contains("ledger.witnesses"), "{}", said.stderr);
}
