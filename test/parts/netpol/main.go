// Netpol makes the network policies of a cluster bind on one node, with kube-router's policy controller: chains of
// iptables, sets of ipset. kube-router's routing, its services' proxy and its BGP are left out.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/cloudnativelabs/kube-router/v2/pkg/controllers/netpol"
	"github.com/cloudnativelabs/kube-router/v2/pkg/healthcheck"
	"github.com/cloudnativelabs/kube-router/v2/pkg/options"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

func main() {
	klog.InitFlags(nil)
	kubeconfig := flag.String("kubeconfig", "", "file that says where the API server is and who calls it")
	node := flag.String("node", "", "name of this node's Node object")
	services := flag.String("service-cidr", "10.96.0.0/16", "range of the services' addresses")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, *kubeconfig, *node, *services); err != nil {
		fmt.Fprintln(os.Stderr, "netpol:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, kubeconfig, node, services string) error {
	rest, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(rest)
	if err != nil {
		return err
	}
	config := options.NewKubeRouterConfig()
	config.ClusterIPCIDRs = []string{services}
	config.EnableIPv4, config.EnableIPv6 = true, false
	config.HostnameOverride = node
	config.IPTablesSyncPeriod = time.Minute
	config.NodePortRange = "30000-32767"
	config.RunFirewall = true

	if err := awaitNode(ctx, client, node); err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	pods := factory.Core().V1().Pods().Informer()
	namespaces := factory.Core().V1().Namespaces().Informer()
	policies := factory.Networking().V1().NetworkPolicies().Informer()
	factory.Start(ctx.Done())
	for kind, ok := range factory.WaitForCacheSync(ctx.Done()) {
		if !ok {
			return fmt.Errorf("the API server did not answer for %s", kind)
		}
	}
	tables, sets, err := netpol.NewIPTablesHandlers(config)
	if err != nil {
		return err
	}
	var ipsets sync.Mutex
	controller, err := netpol.NewNetworkPolicyController(client, config, pods, policies, namespaces, &ipsets, nil, tables, sets)
	if err != nil {
		return err
	}
	if err := errors.Join(
		watch(pods, controller.PodEventHandler),
		watch(namespaces, controller.NamespaceEventHandler),
		watch(policies, controller.NetworkPolicyEventHandler),
	); err != nil {
		return err
	}
	// The controller blocks when nobody reads its heartbeats.
	beats := make(chan *healthcheck.ControllerHeartbeat, 10)
	go func() {
		for range beats {
			continue
		}
	}()
	var done sync.WaitGroup
	done.Add(1)
	controller.Run(beats, ctx.Done(), &done)
	return nil
}

// awaitNode waits until the API server answers and has the node's object, which kubelet makes, and the rights to read
// it. Starting anew for each of them would take longer.
func awaitNode(ctx context.Context, client kubernetes.Interface, node string) error {
	err := wait.PollUntilContextCancel(ctx, 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		_, err := client.CoreV1().Nodes().Get(ctx, node, meta.GetOptions{})
		return err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for node %s: %w", node, err)
	}
	return nil
}

func watch(informer cache.SharedIndexInformer, handler cache.ResourceEventHandler) error {
	_, err := informer.AddEventHandler(handler)
	return err
}
