package config

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/opsgen/opsgen/generator/document"
)

func (t *Tenants) problems(doc *document.Document) document.Problems {
	check := newChecker(doc)
	known, ids := map[string]int{}, map[string]int{}
	for i, tenant := range t.Tenants {
		at := fmt.Sprintf("tenants[%d]", i)
		check.label(at+".name", tenant.Name)
		if slices.Contains(ReservedHosts(), tenant.Name) {
			check.Fail(at+".name", "Reserved are "+strings.Join(ReservedHosts(), ", ")+".", "is %q, which is a host of the proxy itself", tenant.Name)
		}
		if first, repeated := known[tenant.Name]; repeated {
			check.Fail(at+".name", "Remove one of the two.", "is %q like tenants[%d].name", tenant.Name, first)
		} else {
			known[tenant.Name] = i
		}
		// Threat: "a|b", which Cortex and Loki read as two tenants; and two tenants that read each other's data.
		check.label(at+".id", tenant.DataID())
		if first, repeated := ids[tenant.DataID()]; repeated && tenant.Name != t.Tenants[first].Name {
			check.Fail(at+".id", "Give each tenant an ID of its own.", "is %q, which is the ID of tenant %s", tenant.DataID(), t.Tenants[first].Name)
		} else {
			ids[tenant.DataID()] = i
		}
		check.tenantLimits(at+".limits", tenant.Limits)
	}
	seen := map[string]int{}
	for i, caller := range t.Callers {
		at := fmt.Sprintf("callers[%d]", i)
		check.caller(at, caller, known)
		who := caller.Namespace + "/" + caller.ServiceAccount
		if first, repeated := seen[who]; repeated {
			check.Fail(at, "A service account acts for one tenant; write one entry with all of its scopes.", "is the same caller (%s) as callers[%d]", who, first)
		} else {
			seen[who] = i
		}
	}
	return check.Problems
}

func (c *checker) caller(at string, caller Caller, tenants map[string]int) {
	c.label(at+".namespace", caller.Namespace)
	if reasons := validation.IsDNS1123Subdomain(caller.ServiceAccount); caller.ServiceAccount != "" && len(reasons) > 0 {
		c.Fail(at+".serviceAccount", "Write the name of the account, without its namespace.", "is %q, which is no name of a service account", caller.ServiceAccount)
	}
	switch _, known := tenants[caller.Tenant]; {
	case caller.AnyTenant && caller.Tenant != "":
		c.Fail(at+".anyTenant", "Remove tenant or anyTenant.", "is true beside tenant %q", caller.Tenant)
	case caller.AnyTenant && caller.ServiceAccount == "":
		c.Fail(at+".anyTenant", "Name the one serviceAccount that may act for every tenant.", "is true for a whole namespace")
	case !caller.AnyTenant && caller.Tenant == "":
		c.Fail(at, "Write tenant, or anyTenant: true for a program of the platform.", "acts for no tenant")
	case !caller.AnyTenant && !known:
		c.Fail(at+".tenant", "Add it under tenants, or correct the name.", "is %q, which is not one of the tenants", caller.Tenant)
	}
	if len(caller.Scopes) == 0 {
		c.Fail(at+".scopes", "Write what the caller may do, such as [metrics:write].", "is empty")
	}
	for i, scope := range caller.Scopes {
		if !slices.Contains(Scopes(), scope) {
			c.Fail(fmt.Sprintf("%s.scopes[%d]", at, i), "Scopes are "+scopeNames()+".", "is %q", scope)
		}
	}
}

func scopeNames() string {
	names := make([]string, 0, len(Scopes()))
	for _, scope := range Scopes() {
		names = append(names, string(scope))
	}
	return strings.Join(names, ", ")
}
