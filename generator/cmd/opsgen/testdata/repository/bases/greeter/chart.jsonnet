function(cluster, bundle) { greeting: 'good day from ' + cluster.name }
