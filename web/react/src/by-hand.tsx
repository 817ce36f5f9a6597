import { paymentUri, type Terms, toDecimal, walletLinks } from "checkout-sessions/flow";
import { type ReactNode, useEffect, useId, useMemo, useRef, useState } from "react";
import { encode } from "uqr";
import { amountText, shownAddress, useLanguage } from "./text.js";

/** Address, amount and QR code, for a payment from anywhere. */
export function ByHand({ terms, due, depositAddress }: { terms: Terms; due: string; depositAddress: string }) {
  const language = useLanguage();
  const { t } = language;
  const [isRequest, setRequest] = useState(true);
  const id = useId();
  const address = shownAddress(depositAddress);
  const amount = amountText(due, terms, language);
  const request = paymentUri({ chainId: terms.chainId, token: terms.token.address, to: address, amount: due });
  const content = isRequest ? request : address;
  return (
    <div className="checkout-by-hand">
      <p>{t("scan")}</p>
      <QrCode content={content} label={t("qr_label", { amount, chain: terms.chainName })} />
      <fieldset className="checkout-toggle">
        <legend className="checkout-hidden">{t("qr_content")}</legend>
        {[true, false].map((request) => (
          <label key={String(request)}>
            <input type="radio" name={id} checked={request === isRequest} onChange={() => setRequest(request)} />
            <span>{t(request ? "qr_request" : "qr_address")}</span>
          </label>
        ))}
      </fieldset>
      <dl>
        <dt>{t("network")}</dt>
        <dd>{terms.chainName}</dd>
        <dt>{t("amount")}</dt>
        <dd>
          <Copyable text={toDecimal(due, terms.token.decimals)} label={t("copy_amount")}>
            {amount}
          </Copyable>
        </dd>
        <dt>{t("address")}</dt>
        <dd>
          <Copyable text={address} label={t("copy_address")}>
            <code dir="ltr">{address}</code>
          </Copyable>
        </dd>
      </dl>
      <p>{t("only", { symbol: terms.token.symbol, chain: terms.chainName })}</p>
      <p>{t("exact", { amount })}</p>
      <details className="checkout-wallet-apps">
        <summary>{t("open_in_wallet")}</summary>
        <ul>
          <li>
            <a href={request}>{t("qr_request")}</a>
          </li>
          <WalletApps />
        </ul>
      </details>
    </div>
  );
}

/** Links that open this page in the browser of a wallet app. */
function WalletApps() {
  const [page, setPage] = useState<string>();
  // Known in a browser alone, and after the first rendering, so that a server renders the same.
  useEffect(() => setPage(window.location.href), []);
  return page === undefined
    ? null
    : walletLinks(page).map(({ name, url }) => (
        <li key={name}>
          <a href={url} rel="noreferrer">
            {name}
          </a>
        </li>
      ));
}

/** White in dark mode too, with a quiet zone of four modules: scanners need both. */
function QrCode({ content, label }: { content: string; label: string }) {
  const { size, path } = useMemo(() => {
    const { data, size } = encode(content, { ecc: "M", border: 4 });
    const cells = data.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])));
    return { size, path: cells.join("") };
  }, [content]);
  return (
    <svg
      className="checkout-qr"
      viewBox={`0 0 ${size} ${size}`}
      role="img"
      aria-label={label}
      shapeRendering="crispEdges"
    >
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}

function Copyable({ text, label, children }: { text: string; label: string; children: ReactNode }) {
  const { t } = useLanguage();
  const value = useRef<HTMLSpanElement>(null);
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), 2_000);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = () => {
    const select = () => {
      if (value.current !== null) window.getSelection()?.selectAllChildren(value.current);
    };
    // Without a secure context there is no clipboard: the text is selected, to be copied by hand.
    if (navigator.clipboard === undefined) return select();
    navigator.clipboard.writeText(text).then(() => setCopied(true), select);
  };
  return (
    <span className="checkout-copyable">
      <span ref={value}>{children}</span>
      <button type="button" onClick={copy} aria-label={label}>
        {isCopied ? t("copied") : <CopyIcon />}
      </button>
      <span role="status" className="checkout-hidden">
        {isCopied ? t("copied") : ""}
      </span>
    </span>
  );
}

function CopyIcon() {
  return (
    <svg
      viewBox="0 0 16 16"
      width="16"
      height="16"
      aria-hidden="true"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
    >
      <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
      <path d="M10.5 3.5v-1h-8v8h1" />
    </svg>
  );
}
