package server

import (
	"net/http"
	"regexp"
	"time"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/identity"
)

// dataID is what a tenant's ID may look like (config.Tenant.ID): above all it holds no "|", which is two tenants.
var dataID = regexp.MustCompile(`^[A-Za-z0-9-]{1,63}$`)

// authorizeRemoved lets a program of the platform read and delete what is left of a tenant that was removed.
//
// The threat is a mistake, or whoever controls that program: for a tenant that exists this would be a second way to name
// it, past its name; and what is written for a tenant that does not would be found by nobody again. Both are refused.
func (x *exchange) authorizeRemoved(r *http.Request, caller *identity.Caller, ids []string) bool {
	_, named := namedTenant(r.Header)
	switch {
	case len(ids) != 1 || named || len(r.Header["X-Scope-Orgid"]) > 0 || len(r.Header[config.TenantHeader]) > 0 || !dataID.MatchString(ids[0]):
		x.refuse(x.match.Component, http.StatusBadRequest, "tenant_header", "name exactly one tenant, by its name or by its ID")
		return false
	case r.Method != http.MethodGet && r.Method != http.MethodDelete && !(r.Method == http.MethodPost && x.match.Scope == config.DataDelete):
		x.refuse(x.match.Component, http.StatusForbidden, "tenant_unknown", "of a removed tenant things can only be read and deleted")
		return false
	case !caller.Scopes.Has(x.match.Scope):
		x.refuse(x.match.Component, http.StatusForbidden, "scope", "the token has no scope "+string(x.match.Scope))
		return false
	}
	for _, tenant := range x.state.tenants {
		if tenant.DataID() == ids[0] {
			x.refuse(x.match.Component, http.StatusForbidden, "tenant_known", "this tenant is not removed; name it in "+config.TenantHeader)
			return false
		}
	}
	x.removed = ids[0]
	x.expires = caller.Expires.Add(time.Duration(x.state.config.Tokens.ClockSkew))
	return true
}
