//! Compares the configured decimals of tokens with those of their contracts.
//!
//! A price in a currency is converted by the configured decimals. If they are wrong, a payer pays a millionth of the
//! price, or a million times as much.

use alloy_primitives::Address;
use domain::address::EvmAddress;
use domain::chain_config::Chain;
use domain::order::ChainId;
use evm::Node;
use lambda_http::tracing;

/// The most tokens that a run compares: each is a call to the node.
const MOST: usize = 50;

/// The tokens of a chain, as far as they were compared. Each is compared once in the life of a process.
#[derive(Debug)]
pub(crate) struct TokenCheck {
    left: Vec<(EvmAddress, u8)>,
    misconfigured: usize,
}

impl TokenCheck {
    /// Compares the tokens whose decimals are configured or built in.
    pub(crate) fn of(chain: &Chain) -> Self {
        let known = chain.tokens.iter().filter_map(|token| Some((token.address.clone(), token.decimals?)));
        Self { left: known.collect(), misconfigured: 0 }
    }

    /// Compares those that are left. Returns how many differ, all runs of this process together.
    pub(crate) async fn check(&mut self, node: &Node, chain: ChainId) -> usize {
        let chain = chain.as_u64();
        for _ in 0..MOST {
            let Some((token, configured)) = self.left.last() else { break };
            match node.token_decimals(Address::from(token.to_bytes())).await {
                Ok(Some(found)) if found == *configured => {}
                Ok(found) => {
                    self.misconfigured += 1;
                    let token = token.as_str();
                    tracing::error!(chain, token, configured, ?found, "token decimals differ");
                }
                // A node that does not answer delays no payment. The next run asks again.
                Err(error) => {
                    tracing::warn!(chain, cause = %error, "token decimals cannot be read");
                    break;
                }
            }
            self.left.pop();
        }
        self.misconfigured
    }
}
