// The key pair with which the proxy signs who a person is, for the tenants' Grafanas. It is a certificate only because
// cert-manager then makes and renews the key; nobody shows it in a handshake, and its name is one that nobody can call
// (RFC 6761). The other certificates of the proxy are in bases/cert-manager/config.jsonnet.
local internal = import '../cert-manager/internal.libsonnet';

function(cluster, bundle) [
  internal.certificate('proxy-signing', 'internal', ['proxy-signing.invalid'], { usages: ['digital signature'] }),
]
