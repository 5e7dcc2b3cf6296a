// Package engine makes a graph of resources real, and unmakes it. It owns the order, the waiting, the retries and the
// question of whose a resource is; it knows no cloud, and keeps no state: what exists is asked of the cloud each time,
// so that a run that was killed anywhere is simply run again.
//
// # Providers
//
// A provider describes what a cluster needs as resources of a [Graph]. This is one that needs another:
//
//	vpc := engine.Add(g, engine.Resource[VPC]{
//		Name: "network/vpc", Kind: "VPC", Expected: 2 * time.Second,
//		Find: func(ctx context.Context) (engine.State[VPC], error) { … by the tags of g.Tags("network/vpc") … },
//		Create: func(ctx context.Context) error { … with these tags in the same call … },
//		Delete: func(ctx context.Context, have engine.State[VPC]) error { … },
//	})
//	engine.Add(g, engine.Resource[Subnet]{
//		Name: "network/subnet-a", Kind: "subnet",
//		Create: func(ctx context.Context) error {
//			network, err := vpc.Get(ctx)
//			if err != nil {
//				return err
//			}
//			…
//		},
//	}, vpc)
//
// The rules, each of which a kill test enforces:
//
//   - Find decides. It is asked before every write and after it, must change nothing, and must find a resource by what
//     is known beforehand: its name, or the tags of [Graph.Tags]. It fills [State].Tags; a resource without this
//     cluster's tags is never changed and never deleted. Where Find needs another resource's output, it returns the
//     error of [Output.Get] as it is: what is below something missing is missing.
//   - Create makes the resource with its tags in one call, under a name that follows from the cluster, or with the
//     token of [Graph.Token]. What can be given neither (an address, a key) is safe too, because the engine looks for
//     as long as the cloud may need to show it before it creates anything a second time (Options.Window), and because
//     the lease of a run that was killed keeps the next one out for longer than that ([Hold]).
//   - What a service makes in steps (a role, then its policies) is several resources. A step that cannot carry tags sets
//     Part, and depends on the one that does.
//   - A state that will become ready is Pending, one that is going away is Deleting, one that never will be is Failed:
//     the engine waits for the first two, and deletes and makes anew the third, once.
//   - Errors are told apart by the provider's Classify, see [Class]. "Nothing happened, try later" (Throttled) is not
//     "perhaps it happened" (Uncertain): the engine never repeats a write whose answer was lost before it has looked.
//   - The SDK's own retries are switched off: only the engine knows whether a write may be repeated. A tag that cannot be
//     given in the call that creates is a second call, between which the run may be killed; use the call that takes both.
//   - Names of buckets, roles and accounts come from package generator/identity, amounts for prices from bootstrap/price.
//   - Data is never deleted unless the user asked for that; it keeps what it depends on.
//   - What Kubernetes made in the cloud by itself (load balancers, volumes) is a resource without Create. It depends on the
//     network, and the cluster depends on it: nothing to do on the way up; on the way down it is removed after the
//     cluster, which could make more, and before the network.
//   - What an option of cluster.yaml takes away stays in the graph as Unwanted, so that up and down still find and remove it.
//     What holds something that nobody said may go has a State.Keep: the plan and Up say why it stays.
//   - The lease ([Leases]) lies in the bucket for rules, written under a condition (If-None-Match and If-Match,
//     x-goog-if-generation-match). Its first Write makes the bucket, as the bucket's resource would; no other may. Down
//     removes data last, and the lease with it.
//
// Package killtest kills a run before, during and after each of its calls and runs it again. A provider's test hands it
// a fake of the cloud (an http.Handler) and a function that does one run with the cloud's real SDK. Package fakecloud is a
// small such cloud, and the tests of this package are an example of its use.
package engine
