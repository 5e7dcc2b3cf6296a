// One zone of the workload that holds data.
local config = import 'config.libsonnet';
local zonal = import 'zonal.libsonnet';

function(cluster, bundle, zone)
  if cluster.options.topology == 'single-binary' then [] else zonal.ingesters(cluster, config(cluster), zone)
