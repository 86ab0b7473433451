//! Who may be let in, for how long and with whose consent; and the connectors.

use serde_json::Value;

use super::{Kind, Question, Section, elements, optional, question};

pub(super) const QUESTIONS: &[Question] = &[
    Question {
        default: |_| Some("8h".to_owned()),
        more: "A window ends by itself: on each node, without anybody at a keyboard. Longer ones are refused by `portcullis access open`.",
        ..question(Section::Access, "access.longest_window", "Longest time for which somebody may be let in", "Such as 90m, 4h, 1d12h.")
    },
    Question {
        more: "A regular expression that the whole ticket must match: ^CHG[0-9]+$ takes CHG0012345.",
        ..optional(
            Section::Access,
            "access.ticket_pattern",
            "What a ticket looks like",
            "A pattern such as ^CHG[0-9]+$; empty where windows need no ticket.",
        )
    },
    Question {
        kind: Kind::List,
        more: "The names are those given as `--who`. Others are refused.",
        ..optional(
            Section::Access,
            "access.persons",
            "Persons who may be let in",
            "Names, commas between; empty where anybody may whom an operator names.",
        )
    },
    Question {
        default: |_| Some("0".to_owned()),
        more: "Somebody other than who asks signs with an SSH key, before the window opens.",
        ..question(Section::Access, "access.approvals", "How many approvals does a window need", "0 where an operator opens windows alone.")
    },
    Question {
        kind: Kind::List,
        when: |answers| answers.get("access.approvals").and_then(Value::as_u64).is_some_and(|approvals| approvals > 0),
        more: "The key is the line of a .pub file, without its comment.",
        ..question(Section::Access, "access.approvers", "Persons who may approve", "NAME=ssh-ed25519 AAAA…, commas between.")
    },
    Question {
        kind: Kind::List,
        more: "A window's certificate is of no use from elsewhere. Addresses as the jumphost sees them.",
        ..optional(
            Section::Access,
            "access.sources",
            "Networks from which they may come",
            "Such as 198.51.100.0/24, commas between; empty for anywhere.",
        )
    },
    Question {
        kind: Kind::Choice,
        default: |_| Some("no".to_owned()),
        more: "What is typed and shown in a window is kept on the node, and replayed by `portcullis access replay`. \
               Whether that is allowed is for your lawyers.",
        ..question(Section::Access, "access.record", "Are sessions recorded", "What is typed and shown can be looked at later.")
    },
    Question {
        kind: Kind::List,
        when: |answers| elements(answers, "names.tenants") > 0,
        more: "One for each account; without TENANT= it serves the first. The LDAP port is 389, LDAPS is 636.",
        ..optional(
            Section::Connectors,
            "connectors",
            "AD/LDAP directories",
            "[TENANT=]ldaps://HOST[:PORT], commas between; empty if there are none.",
        )
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wizard::document::Answers;

    #[test]
    fn approvers_are_asked_for_where_approvals_are_needed() {
        let approvers = QUESTIONS.iter().find(|question| question.key == "access.approvers").unwrap();
        let mut answers = Answers::default();
        for (number, wanted) in [("0", false), ("2", true)] {
            answers.set("access.approvals", number).unwrap();
            assert_eq!((approvers.when)(&answers), wanted, "{number}");
        }
    }
}
