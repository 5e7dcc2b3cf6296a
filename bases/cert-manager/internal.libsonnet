// The cluster's own authority, for TLS between its parts. It is not the public one: a certificate for a name such as
// proxy-internal.proxy.svc cannot be had from outside, and no request inside the cluster should depend on outside.
local k = import '../lib/k.libsonnet';

{
  // certificate is a Certificate with the choices that hold for all: a new key at each renewal, written out since the
  // default changed once, so whatever reads the Secret must reload it; and its replacement at two thirds of its life,
  // however long the authority makes that. secretName is the object's name unless body says otherwise, and no two
  // Certificates of a namespace may share one: they would overwrite each other for ever.
  certificate(name, issuer, dnsNames, body={}): k.object('cert-manager.io/v1', 'Certificate', name, {
    spec: {
      secretName: name,
      issuerRef: { group: 'cert-manager.io', kind: 'ClusterIssuer', name: issuer },
      dnsNames: dnsNames,
      duration: '2160h',
      renewBeforePercentage: 33,
      privateKey: { algorithm: 'ECDSA', size: 256, rotationPolicy: 'Always' },
      revisionHistoryLimit: 2,
    } + body,
  }),

  // authority puts the internal authority's certificate into a namespace, as ca.crt of the Secret `internal-ca`, for
  // clients there to trust. The Secret comes with a certificate and a key, which are of no use to who steals them: the
  // name is one that nobody can call (RFC 6761), and its only usage is a client's, which nothing here asks for. A
  // stolen one can therefore not pass for the proxy. A shared ConfigMap would need a controller that copies it; this
  // needs none, and each copy is refreshed long before the authority expires.
  authority(namespace): self.certificate('internal-ca', 'internal', ['internal-ca.%s.invalid' % namespace], {
    usages: ['digital signature', 'client auth'],
  }) + k.inNamespace(namespace),
}
