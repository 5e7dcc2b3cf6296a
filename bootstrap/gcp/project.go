package gcp

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/serviceusage/v1"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// project is what only the project's record says of it.
type project struct{ number string }

// neededServices are the APIs that bootstrap and the cluster use.
func neededServices() []string {
	return []string{
		"cloudkms.googleapis.com", "cloudresourcemanager.googleapis.com", "compute.googleapis.com", "container.googleapis.com",
		"dns.googleapis.com", "iam.googleapis.com", "storage.googleapis.com",
	}
}

// firstServices are those without which nothing can be looked at; up cannot switch them on.
func firstServices() []string {
	return []string{"cloudresourcemanager.googleapis.com", "storage.googleapis.com"}
}

// addProject adds the project, which is given, and its APIs. Everything that is made depends on what it returns.
func (c *cloud) addProject(g *engine.Graph) engine.Dependency {
	c.place = add(c, g, engine.Resource[project]{
		Name: "project/project", Kind: "project", ID: c.project(), Given: true, Expected: time.Second,
		Find: c.findProject,
	})
	const name = "project/services"
	return add(c, g, engine.Resource[string]{
		Name: name, Kind: "APIs", Expected: time.Second,
		Find: func(ctx context.Context) (engine.State[string], error) {
			missing, err := c.missingServices(ctx)
			if err != nil || len(missing) > 0 {
				return engine.State[string]{Detail: "not enabled: " + strings.Join(missing, ", ")}, err
			}
			// Others in the project may use them: they are neither ours nor anybody's, and stay on.
			return engine.State[string]{Condition: engine.Ready, Borrowed: true, Detail: "others may use them, too"}, nil
		},
		Create: func(ctx context.Context) error {
			missing, err := c.missingServices(ctx)
			if err != nil || len(missing) == 0 {
				return err
			}
			op, err := c.services.Services.BatchEnable("projects/"+c.project(), &serviceusage.BatchEnableServicesRequest{ServiceIds: missing}).Context(ctx).Do()
			return c.serviceOperation(name, op, err)
		},
	}, c.place)
}

func (c *cloud) findProject(ctx context.Context) (engine.State[project], error) {
	answer, err := c.projects.Projects.Get("projects/" + c.project()).Context(ctx).Do()
	if err != nil {
		return engine.State[project]{}, err
	}
	found := engine.State[project]{Condition: engine.Ready, Output: project{number: last(answer.Name)}}
	if answer.State != "ACTIVE" {
		found.Condition, found.Detail = engine.Failed, "the project is "+answer.State
	}
	return found, nil
}

// missingServices are the needed APIs that are not enabled.
func (c *cloud) missingServices(ctx context.Context) ([]string, error) {
	var names []string
	for _, service := range neededServices() {
		names = append(names, fmt.Sprintf("projects/%s/services/%s", c.project(), service))
	}
	answer, err := c.services.Services.BatchGet("projects/" + c.project()).Names(names...).Context(ctx).Do()
	if err != nil {
		return nil, err
	}
	missing := neededServices()
	for _, service := range answer.Services {
		if service.State == "ENABLED" {
			missing = slices.DeleteFunc(missing, func(name string) bool { return name == last(service.Name) })
		}
	}
	return missing, nil
}
