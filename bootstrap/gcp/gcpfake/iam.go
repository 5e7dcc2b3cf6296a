package gcpfake

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// policy is who may do what with something.
type policy struct {
	bindings []binding
	etag     int
	changed  time.Time
}

type binding struct {
	role, condition string
	members         []string
}

// servePolicy reads or writes a policy. Services say in two ways that somebody else was quicker.
func (c *Cloud) servePolicy(k *call, id, what string, body map[string]any) {
	p := c.policies[id]
	if p == nil {
		p = &policy{}
	}
	if what == "get" {
		k.answer(p.shown(k.policyVersion()))
		return
	}
	if body["etag"] != nil && text(body["etag"]) != strconv.Itoa(p.etag) {
		if k.service == "storage" {
			k.fail(http.StatusPreconditionFailed, "conditionNotMet", "Precondition Failed")
			return
		}
		k.fail(http.StatusConflict, "ABORTED", "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.")
		return
	}
	next := policy{etag: p.etag + 1, changed: time.Now()}
	bindings, _ := body["bindings"].([]any)
	for _, b := range bindings {
		given, _ := b.(map[string]any)
		added := binding{role: text(given["role"]), condition: text(under(given, "condition", "expression"))}
		members, _ := given["members"].([]any)
		for _, m := range members {
			if problem := c.stranger(text(m)); problem != "" && !p.names(text(m)) {
				k.fail(http.StatusBadRequest, map[bool]string{true: "invalid", false: "INVALID_ARGUMENT"}[k.legacy()], problem)
				return
			}
			added.members = append(added.members, text(m))
		}
		if added.condition != "" && fmt.Sprint(body["version"]) != "3" {
			k.fail(http.StatusBadRequest, "INVALID_ARGUMENT", "A policy with conditions must have the version 3.")
			return
		}
		next.bindings = append(next.bindings, added)
	}
	c.policies[id] = &next
	k.answer(next.shown("3"))
}

// policyVersion is the one that a reader asks for.
func (k *call) policyVersion() string {
	if version := k.request.URL.Query().Get("optionsRequestedPolicyVersion"); version != "" {
		return version
	}
	if version := k.request.URL.Query().Get("options.requestedPolicyVersion"); version != "" {
		return version
	}
	return fmt.Sprint(under(k.body, "options", "requestedPolicyVersion"))
}

// shown is the policy in a version; older ones know no conditions.
func (p *policy) shown(version string) map[string]any {
	list := []any{}
	for _, b := range p.bindings {
		shown := map[string]any{"role": b.role, "members": b.members}
		if b.condition != "" && version == "3" {
			shown["condition"] = map[string]any{"title": "opsgen", "expression": b.condition}
		}
		list = append(list, shown)
	}
	return map[string]any{"bindings": list, "etag": strconv.Itoa(p.etag), "version": 1}
}

func (p *policy) names(member string) bool {
	return slices.ContainsFunc(p.bindings, func(b binding) bool { return slices.Contains(b.members, member) })
}

// stranger says why a member is not known.
func (c *Cloud) stranger(member string) string {
	kind, name, _ := strings.Cut(member, ":")
	switch {
	case kind == "serviceAccount" && strings.HasSuffix(name, "@container-engine-robot.iam.gserviceaccount.com"):
		if time.Since(c.enabling["container.googleapis.com"]) < c.RightsLag {
			return "Service account " + name + " does not exist."
		}
	case kind == "serviceAccount":
		if i := c.get("projects/" + c.Project + "/serviceAccounts/" + name); i == nil || i.deleting {
			return "Service account " + name + " does not exist."
		}
	case kind == "principal":
		if !strings.Contains(name, "/projects/"+c.Number+"/") || !strings.Contains(name, "/"+c.Project+".svc.id.goog/") || !c.pool() {
			return "Identity Pool does not exist (" + c.Project + ".svc.id.goog). Please check that you specified a valid resource name."
		}
	}
	return ""
}

// pool says whether the project has a workload identity pool, which comes with its first cluster.
func (c *Cloud) pool() bool {
	return slices.ContainsFunc(c.all("clusters"), func(i *Item) bool { return !i.pending() })
}

// allowed says whether a right is known everywhere.
func (c *Cloud) allowed(id, role, member string) bool {
	p := c.policies[id]
	return p != nil && time.Since(p.changed) >= c.RightsLag && slices.ContainsFunc(p.bindings, func(b binding) bool {
		return b.role == role && slices.Contains(b.members, member)
	})
}

// forget makes a member that was deleted a remainder.
func (c *Cloud) forget(member string) {
	for id, p := range c.policies {
		changed := *p
		changed.bindings = nil
		for _, b := range p.bindings {
			b.members = slices.Clone(b.members)
			for i, m := range b.members {
				if m == member {
					b.members[i] = "deleted:" + m + "?uid=1"
				}
			}
			changed.bindings = append(changed.bindings, b)
		}
		c.policies[id] = &changed
	}
}

// serveIAM understands /v1/projects/P/serviceAccounts[/ADDRESS[:VERB]].
func (c *Cloud) serveIAM(k *call) {
	path, verb := k.path[1:], ""
	path[len(path)-1], verb, _ = strings.Cut(path[len(path)-1], ":")
	parent := strings.Join(path[:3], "/")
	if len(path) == 3 {
		address := text(k.body["accountId"]) + "@" + c.Project + ".iam.gserviceaccount.com"
		body, _ := k.body["serviceAccount"].(map[string]any)
		id := parent + "/" + address
		switch {
		case !c.begin(k, "serviceAccounts.create"):
		case c.there(id) != nil:
			k.exists(id)
		default:
			i := c.insert("serviceAccounts", id, with(body, "email", address))
			k.answer(i.Body)
		}
		return
	}
	id := parent + "/" + path[3]
	if !c.begin(k, "serviceAccounts."+map[string]string{http.MethodGet: "get", http.MethodDelete: "delete", http.MethodPost: verb}[k.request.Method]) {
		return
	}
	i := c.get(id)
	switch {
	case i == nil || i.deleting:
		k.notFound(id)
	case verb == "enable":
		i.Body = with(i.Body, "disabled", false)
		k.answer(map[string]any{})
	case k.request.Method == http.MethodDelete:
		c.remove(i)
		k.answer(map[string]any{})
	default:
		k.answer(i.Body)
	}
}

// serveProjects understands /v3/projects/P[:VERB].
func (c *Cloud) serveProjects(k *call) {
	name, verb, _ := strings.Cut(last(k.request.URL.Path), ":")
	if name != c.Project {
		k.fail(http.StatusForbidden, "IAM_PERMISSION_DENIED", "The caller does not have permission")
		return
	}
	if verb == "" {
		verb = "get"
	}
	if !c.begin(k, "projects."+verb) {
		return
	}
	switch verb {
	case "get":
		k.answer(map[string]any{"name": "projects/" + c.Number, "projectId": c.Project, "state": "ACTIVE"})
	case "getIamPolicy":
		c.servePolicy(k, "projects/"+c.Project, "get", nil)
	case "setIamPolicy":
		body, _ := k.body["policy"].(map[string]any)
		c.servePolicy(k, "projects/"+c.Project, "set", body)
	default:
		var granted []any
		asked, _ := k.body["permissions"].([]any)
		for _, right := range asked {
			if c.Refuse["right:"+text(right)] == "" {
				granted = append(granted, right)
			}
		}
		k.answer(map[string]any{"permissions": granted})
	}
}

// serveServices understands /v1/projects/P/services:(batchGet|batchEnable) and /v1/operations/O.
func (c *Cloud) serveServices(k *call) {
	switch verb := k.request.URL.Path[strings.LastIndexAny(k.request.URL.Path, ":/")+1:]; verb {
	case "batchGet":
		if !c.begin(k, "services.batchGet") {
			return
		}
		var list []any
		for _, name := range k.request.URL.Query()["names"] {
			state := map[bool]string{true: "DISABLED", false: "ENABLED"}[c.Disabled[last(name)]]
			list = append(list, map[string]any{"name": "projects/" + c.Number + "/services/" + last(name), "state": state})
		}
		k.answer(map[string]any{"services": list})
	case "batchEnable":
		if !c.begin(k, "services.batchEnable") {
			return
		}
		ids, _ := k.body["serviceIds"].([]any)
		for _, id := range ids {
			c.Disabled[text(id)] = false
			c.enabling[text(id)] = time.Now()
		}
		k.answer(map[string]any{"name": "operations/" + c.operation(c.Making["services"], "")})
	default:
		op, there := c.operations[verb]
		if !there {
			k.notFound(verb)
			return
		}
		k.answer(map[string]any{"name": "operations/" + verb, "done": !time.Now().Before(op.done)})
	}
}
