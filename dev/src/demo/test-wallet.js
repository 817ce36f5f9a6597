// The local run's own wallet: it announces itself as wallets do (EIP-6963) and pays with play money from the first account of
// the local chain, which its node signs for. It asks nobody.
(() => {
  const icon =
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E%3Crect width='24' height='24' rx='6' fill='%23777'/%3E%3Cpath d='M6 8h12v9H6zM15 12h3' fill='none' stroke='%23fff' stroke-width='1.5'/%3E%3C/svg%3E";
  const info = { uuid: "00000000-0000-4000-8000-000000000001", name: "Local test wallet", icon, rdns: "test.wallet.local" };
  const request = async ({ method, params = [] }) => {
    if (method === "eth_requestAccounts") return ["{{payer}}"];
    if (method === "wallet_switchEthereumChain") return null;
    const response = await fetch("/demo/rpc", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    });
    const { result, error } = await response.json();
    if (error) throw Object.assign(new Error(error.message), { code: error.code });
    return result;
  };
  const announce = () =>
    dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider: { request } }) }));
  addEventListener("eip6963:requestProvider", announce);
  announce();
})();
