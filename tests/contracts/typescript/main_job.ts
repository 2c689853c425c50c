// The main job by a client whose types are generated from the API's description: buy, start, finish, leave, spin.
// node out/main_job.js URL PASSWORD prints what happened as JSON.

import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./generated.js";

type Api = Client<paths>;
type QueueItem = components["schemas"]["QueueItem"];
type MenuItem = components["schemas"]["MenuItem"];

const [url, password] = process.argv.slice(2);
const baseUrl = `${url}/api/v1`;

/** The data of an answer; any refusal ends the run. */
function done<T>(answer: { data?: T; error?: components["schemas"]["ErrorEnvelope"] }): T {
  if (answer.data === undefined) throw new Error(answer.error?.error.code ?? "no data");
  return answer.data;
}

const key = () => ({ "Idempotency-Key": crypto.randomUUID() });

async function signIn(username: string): Promise<Api> {
  const guest = createClient<paths>({ baseUrl });
  const tokens = done(await guest.POST("/auth/token", { body: { username, password: password ?? "" } }));
  return createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${tokens.access}` } });
}

async function buy(buyer: Api, item: MenuItem): Promise<QueueItem> {
  const purchase = done(
    await buyer.POST("/menus/items/{item_id}/purchase", {
      params: { path: { item_id: item.id }, header: key() },
      body: { expectedPrice: item.price ?? 0 },
    }),
  );
  if (purchase.queueItem === null) throw new Error("not queued");
  return purchase.queueItem;
}

const [bob, jade] = [await signIn("bob"), await signIn("jade")];
const me = done(await jade.GET("/me"));
const performer = { path: { performer_id: me.id } };
done(await jade.POST("/performer/{performer_id}/queue/open", { params: performer }));
const { menus } = done(await bob.GET("/performer/{performer_id}/menus", { params: performer }));
const [one, two] = menus[0]?.items ?? [];
if (one === undefined || two === undefined) throw new Error("no menu");

const [first, second] = [await buy(bob, one), await buy(bob, two)];
const on = (item: QueueItem) => ({ params: { path: { item_id: item.id }, header: key() } });
const refused = await jade.POST("/queue/items/{item_id}/start", { ...on(second), body: {} });
const started = done(await jade.POST("/queue/items/{item_id}/start", { ...on(first), body: {} }));
const finished = done(await jade.POST("/queue/items/{item_id}/finish", { ...on(first), body: {} }));
const left = done(await bob.POST("/queue/items/{item_id}/leave", on(second)));
const spin = done(await bob.POST("/slot-machine/spin", { params: { header: key() }, body: { betAmount: 100 } }));
const history = done(await bob.GET("/slot-machine/history", { params: { query: { limit: 1 } } }));

console.log(
  JSON.stringify({
    states: [first.state, started.state, finished.state],
    settled: finished.settledTokens === one.price,
    left: left.state,
    refused: refused.error?.error.code,
    spun: spin.newBalance === spin.previousBalance - 100 + spin.result.payout,
    listed: history.spins[0]?.spinId === spin.spinId,
  }),
);
