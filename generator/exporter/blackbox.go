package exporter

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/quantity"
)

func (k *checker) blackbox(path string, b *Blackbox) {
	k.interval(path+".interval", b.Interval, 10*second, 4*minute)
	k.memory(path+".memory", b.Memory)
	interval := b.Interval
	or(&interval, blackboxInterval)
	k.length(path+".modules", len(b.Modules), 0, maxList)
	for _, name := range slices.Sorted(maps.Keys(b.Modules)) {
		k.module(path+".modules."+name, name, b.Modules[name], interval)
	}
	k.length(path+".targets", len(b.Targets), 1, maxTargets)
	modules := builtIn()
	maps.Copy(modules, b.Modules)
	seen := map[string]int{}
	for i, target := range b.Targets {
		here := fmt.Sprintf("%s.targets[%d]", path, i)
		or(&target.Module, defaultModule(target.Address))
		k.target(here, target, modules)
		if first, found := seen[target.Address+" "+target.Module]; found {
			k.Fail(here, "Keep one of them.", "is targets[%d] a second time", first)
		}
		seen[target.Address+" "+target.Module] = i
	}
}

func (k *checker) target(path string, target Target, modules map[string]Module) {
	module, known := modules[target.Module]
	if !known {
		k.Fail(path+".module", document.Suggest(target.Module, slices.Sorted(maps.Keys(modules)), "Modules are "), "is %q, which is not among the modules", target.Module)
		return
	}
	end, err := locate(target.Address, module.prober())
	if err == nil {
		err = refused(end.host, k.networks)
	}
	if err != nil {
		k.say(path+".address", err)
	}
	for _, label := range slices.Sorted(maps.Keys(target.Labels)) {
		here := path + ".labels." + label
		switch {
		case !labelName.MatchString(label) || strings.HasPrefix(label, "__"):
			k.Fail(here, "Write letters, digits and underscores, no digit first.", "has %q, which is not a label's name", label)
		case slices.Contains([]string{"instance", "job", "module"}, label):
			k.Fail(here, "Choose another name.", "is a label that every target has")
		}
	}
}

func (k *checker) module(path, name string, m Module, interval quantity.Duration) {
	if len(name) > 63 || !moduleName.MatchString(name) {
		k.Fail(path, "Write lower-case letters, digits, hyphens and underscores.", "has the name %q", name)
	}
	ways := 0
	for _, written := range []bool{m.HTTP != nil, m.TCP != nil, m.DNS != nil, m.GRPC != nil} {
		if written {
			ways++
		}
	}
	if ways != 1 {
		k.Fail(path, "Write one, such as http: {}.", "has %d of http, tcp, dns and grpc", ways)
	}
	if m.Timeout != 0 && (m.Timeout < second || m.Timeout >= interval || m.Timeout%second != 0) {
		k.Fail(path+".timeout", "Write 1s or more in whole seconds, and less than the interval.", "is %s, and a target is probed every %s", m.Timeout, interval)
	}
	switch {
	case m.HTTP != nil:
		k.http(path+".http", m.HTTP)
	case m.TCP != nil && m.TCP.Expect != "":
		k.expression(path+".tcp.expect", m.TCP.Expect)
	case m.DNS != nil && !hostName.MatchString(m.DNS.Name):
		k.Fail(path+".dns.name", "Write a name such as www.example.com.", "is %q", m.DNS.Name)
	}
}

// carriers are headers that are there to carry a credential.
func carriers() []string {
	return []string{"authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-auth-token", "dd-api-key"}
}

func (k *checker) http(path string, h *HTTPProbe) {
	for _, header := range slices.Sorted(maps.Keys(h.Headers)) {
		here := path + ".headers." + header
		switch {
		case slices.Contains(carriers(), strings.ToLower(header)):
			k.Fail(here, "Write bearerToken or basicAuth, with a reference to a Secret.", "would be a credential that everybody reads")
		case !headerName.MatchString(header) || strings.ContainsAny(h.Headers[header], "\r\n\x00"):
			k.Fail(here, "", "is not a header of one line")
		}
	}
	for i, code := range h.StatusCodes {
		if code < 100 || code > 599 {
			k.Fail(fmt.Sprintf("%s.statusCodes[%d]", path, i), "Write 100 to 599.", "is %d", code)
		}
	}
	for i, text := range h.BodyMatches {
		k.expression(fmt.Sprintf("%s.bodyMatches[%d]", path, i), text)
	}
	for i, text := range h.BodyLacks {
		k.expression(fmt.Sprintf("%s.bodyLacks[%d]", path, i), text)
	}
	k.secret(path+".bearerToken", h.BearerToken)
	if h.BasicAuth != nil {
		k.secret(path+".basicAuth.password", h.BasicAuth.Password)
	}
	if h.BearerToken != "" && h.BasicAuth != nil {
		k.Fail(path+".basicAuth", "Keep one of them.", "and bearerToken are both written")
	}
}

// platformSecrets are in every tenant's namespace and not the tenant's to send around: Grafana's key, and that of the
// internal authority's copy.
func platformSecrets() []string { return []string{"grafana", "internal-ca"} }

// secret refuses a credential that is written out. The message does not repeat it.
func (k *checker) secret(path, text string) {
	if text == "" {
		return
	}
	found := reference.FindStringSubmatch(text)
	switch {
	case found == nil:
		k.Fail(path, "Put it into a Secret of the tenant's namespace and write ${secret:NAME/KEY}.", "is not a reference to a Secret")
	case slices.Contains(platformSecrets(), found[1]):
		k.Fail(path, "Name a Secret of the team's own.", "refers to the Secret %s, which is the platform's", found[1])
	}
}
