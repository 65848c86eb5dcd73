//! Whose word counts: the proxies that an operator has put in front of the service.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

use super::host::parse_digits;

/// The proxies whose forwarding headers count. None by default.
///
/// Reads a list of addresses and networks, separated by commas: `10.0.0.0/8, fd00::/8, ::1`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// An entry of the list that is neither an address nor a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{entry:?} is neither an IP address nor a network such as 10.0.0.0/8 or fd00::/8")]
pub struct BadTrustedProxy {
    /// The entry as it was written.
    pub entry: String,
}

impl TrustedProxies {
    /// Is this the address of a trusted proxy? An IPv4 address counts as such in either form,
    /// also as the `::ffff:a.b.c.d` of a dual-stack socket; `::/0` has no IPv4 addresses in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The networks, in their canonical form.
    pub(crate) fn networks(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(ToString::to_string)
    }
}

impl FromStr for TrustedProxies {
    type Err = BadTrustedProxy;

    fn from_str(list: &str) -> Result<Self, Self::Err> {
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let network = |entry: &str| {
            parse_network(entry).ok_or_else(|| BadTrustedProxy { entry: entry.to_owned() })
        };
        entries.map(network).collect::<Result<_, _>>().map(Self)
    }
}

/// Not by `IpNet`'s own parser, which reads `010.0.0.0/8` as `10.0.0.0/8`; others read
/// `8.0.0.0/8`.
fn parse_network(entry: &str) -> Option<IpNet> {
    let Some((address, length)) = entry.split_once('/') else {
        return entry.parse::<IpAddr>().ok().map(|address| address.to_canonical().into());
    };
    let length = u8::try_from(parse_digits(length)?).ok()?;
    let network = IpNet::new(address.parse().ok()?, length).ok()?;
    // Addresses are compared in their canonical form, so networks must have it as well.
    match (network.addr().to_canonical(), network) {
        (IpAddr::V4(address), IpNet::V6(_)) if length >= 96 => {
            Ipv4Net::new(address, length - 96).ok().map(IpNet::V4)
        }
        _ => Some(network),
    }
}
