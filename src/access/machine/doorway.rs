//! The machines that a window opens, and the way to each: nodes, and the jumphosts before them.

use super::super::folder::Stop;
use super::principal::Door;
use crate::site::model::{Node, Site};

/// How a machine is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// It is the jumphost at this place of the route.
    Hop(usize),
    /// It is a node behind them.
    Node(Box<Node>),
}

/// Who uses the account that windows log in to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// Nobody gets a session there.
    Forwards,
    /// Others do as well.
    Shared,
    /// Windows alone: the site names it (`access.account`), and it is neither ours nor root.
    Own,
}

impl Usage {
    /// As the machine's scripts name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Forwards => "forwards",
            Self::Shared => "shared",
            Self::Own => "own",
        }
    }
}

/// A machine with what a window may do there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doorway {
    /// Its name in the site.
    pub name: String,
    /// How it is reached.
    pub way: Way,
    /// Its address, as the stop before sees it.
    pub address: String,
    /// Its SSH port.
    pub port: u16,
    /// The account that windows log in to; `None`: the one that we log in to.
    pub account: Option<String>,
    /// What a window may do there.
    pub door: Door,
    /// Whether the site names the account for windows.
    pub has_account: bool,
}

/// The doorways of a window to `nodes`: the jumphosts in their order, then the nodes.
pub fn doorways(site: &Site, nodes: &[Node]) -> Vec<Doorway> {
    let behind: Vec<(String, u16)> = nodes.iter().map(|node| (node.login.address.clone(), node.login.port)).collect();
    let next = site.route.hops.iter().skip(1).map(|hop| vec![(hop.login.address.clone(), hop.login.port)]).chain([behind]);
    let hops = site.route.hops.iter().zip(next).enumerate().map(|(index, (hop, targets))| Doorway {
        name: hop.name.clone(),
        way: Way::Hop(index),
        address: hop.login.address.clone(),
        port: hop.login.port,
        account: hop.login.user.clone(),
        door: Door::Hop(targets),
        has_account: false,
    });
    let nodes = nodes.iter().map(|node| Doorway {
        name: node.name.clone(),
        way: Way::Node(Box::new(node.clone())),
        address: node.login.address.clone(),
        port: node.login.port,
        account: site.access.account.clone().or_else(|| node.login.user.clone()),
        door: Door::Node,
        has_account: site.access.account.is_some(),
    });
    hops.chain(nodes).collect()
}

impl Doorway {
    /// The account a window logs in to, where we log in as `user`.
    pub fn account_or<'a>(&'a self, user: &'a str) -> &'a str {
        self.account.as_deref().unwrap_or(user)
    }

    /// Who uses the account there, where we log in as `user`.
    pub fn usage(&self, user: &str) -> Usage {
        let account = self.account_or(user);
        match self.door {
            Door::Hop(_) => Usage::Forwards,
            Door::Node if self.has_account && account != user && account != "root" => Usage::Own,
            Door::Node => Usage::Shared,
        }
    }

    /// The stop that a person's `ssh` makes here.
    pub fn stop(&self, account: &str) -> Stop {
        Stop { name: self.name.clone(), address: self.address.clone(), port: self.port, account: account.to_owned() }
    }

    /// Whether it is a jumphost.
    pub fn is_hop(&self) -> bool {
        matches!(self.way, Way::Hop(_))
    }
}
