package install

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// Times of Reach: how long one try may take, how long there is between two, and how long it is tried.
const (
	reachTry   = 10 * time.Second
	reachPause = 2 * time.Second
	reachTime  = 30 * time.Second
)

// Reach asks the API server whether it answers, for half a minute at most. That it refuses whoever asks is an answer, too.
// The error is why there was none.
func Reach(ctx context.Context, config *rest.Config) error {
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return fmt.Errorf("reach Kubernetes: %w", err)
	}
	server, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return fmt.Errorf("reach Kubernetes: %w", err)
	}
	began, tries := time.Now(), 0
	for {
		try, cancel := context.WithTimeout(ctx, reachTry)
		err := ask(try, client, server.JoinPath("version").String())
		cancel()
		tries++
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case time.Since(began)+reachPause > reachTime, tries == 3 && nobody(err):
			return err
		}
		timer := time.NewTimer(reachPause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-timer.C:
		}
	}
}

// nobody says whether nothing listens at the address, or nothing has the name: waiting longer is of little use.
func nobody(err error) bool {
	var name *net.DNSError
	return errors.Is(err, syscall.ECONNREFUSED) || errors.As(err, &name) && name.IsNotFound
}

// ask makes one call. It was Kubernetes that answered when it gave its version, or refused in its own form: what stands
// before it (a proxy, Google's front end) sends pages of its own.
func ask(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var status metav1.Status
	refused := response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden
	switch {
	case response.StatusCode == http.StatusOK:
		return nil
	case refused && json.NewDecoder(io.LimitReader(response.Body, 1<<16)).Decode(&status) == nil && status.Kind == "Status":
		return nil
	}
	return fmt.Errorf("%s says %s", url, response.Status)
}
