package bed

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/opsgen/opsgen/test/controlplane"
	"github.com/opsgen/opsgen/test/image"
)

// runServices is what a cloud does for a cluster: a registry, addresses of load balancers, volumes. When a part fails,
// all end and are started again.
func runServices(ctx context.Context, dir string) error {
	s, err := readState(dir)
	if err != nil {
		return err
	}
	client, err := s.client()
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	if !s.fakeOnly() {
		group.Go(func() error { return serveImages(ctx, s) })
	}
	group.Go(func() error { return runBalancers(ctx, client, s.balancers()) })
	group.Go(func() error { return runVolumes(ctx, client, s) })
	if err := group.Wait(); err != nil {
		return fmt.Errorf("serving the cluster: %w", err)
	}
	return nil
}

func (s *state) client() (*kubernetes.Clientset, error) {
	config, err := clientcmd.BuildConfigFromFlags("", s.Plane.KubeconfigFile(controlplane.Admin))
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config.QPS, config.Burst = 100, 200
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return client, nil
}

func serveImages(ctx context.Context, s *state) error {
	store, err := s.store()
	if err != nil {
		return err
	}
	address := netip.AddrPortFrom(s.gateway(), registryPort)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address.String())
	if err != nil {
		return fmt.Errorf("listening for image pulls: %w", err)
	}
	if err := image.Serve(ctx, listener, store); err != nil {
		return fmt.Errorf("serving images: %w", err)
	}
	return nil
}
