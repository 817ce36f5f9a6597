import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { sign, verify, WebhookVerificationError } from "../src/webhooks.js";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER = "whsec_b3RoZXIgc2VjcmV0IG9mIGFub3RoZXIgcnVu";
const BODY = '{"test": 2432232314}';

/** The vector that the specification's reference libraries share. */
const VECTOR = {
  "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
  "webhook-timestamp": "1614265330",
  "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
};
const NOW = new Date(1_614_265_330_000);

test("the vector of the specification is signed and verified", async () => {
  expect(await sign(BODY, SECRET, { id: VECTOR["webhook-id"], now: NOW })).toEqual(VECTOR);
  expect(await verify(BODY, VECTOR, SECRET, { now: NOW })).toEqual({ test: 2_432_232_314 });
  expect(await verify(BODY, new Headers(VECTOR), [OTHER, SECRET], { now: NOW })).toBeTruthy();
});

test("one good signature of several suffices", async () => {
  const key = Buffer.from(SECRET.slice(6), "base64");
  const content = `${VECTOR["webhook-id"]}.${VECTOR["webhook-timestamp"]}.${BODY}`;
  const good = createHmac("sha256", key).update(content).digest("base64");
  const headers = { ...VECTOR, "webhook-signature": `v1a,xyz v1,AAAA v1,***  v1,${good}` };
  expect(await verify(BODY, headers, SECRET, { now: NOW })).toBeTruthy();
});

test.each([
  ["another body", `${BODY} `, VECTOR, SECRET, NOW],
  ["another secret", BODY, VECTOR, OTHER, NOW],
  ["no signature", BODY, { ...VECTOR, "webhook-signature": "" }, SECRET, NOW],
  ["no id", BODY, { ...VECTOR, "webhook-id": undefined }, SECRET, NOW],
  [
    "a signature of another version",
    BODY,
    { ...VECTOR, "webhook-signature": VECTOR["webhook-signature"].replace("v1", "v2") },
    SECRET,
    NOW,
  ],
  ["a time that is no number", BODY, { ...VECTOR, "webhook-timestamp": "1e9" }, SECRET, NOW],
  ["a time too far back", BODY, VECTOR, SECRET, new Date(NOW.getTime() + 301_000)],
  ["a time too far ahead", BODY, VECTOR, SECRET, new Date(NOW.getTime() - 301_000)],
])("%s is refused", async (_, body, headers, secret, now) => {
  await expect(verify(body, headers, secret, { now })).rejects.toThrow(WebhookVerificationError);
});

test("a malformed secret is a mistake of the program", async () => {
  await expect(verify(BODY, VECTOR, "whsec_", { now: NOW })).rejects.toThrow(TypeError);
  await expect(sign(BODY, "whsec_***")).rejects.toThrow(TypeError);
});
