"""The hops from this machine to a login on the bastion.

Each is a function of the `Way` that returns what it has found, or raises `Broken`.
"""

from __future__ import annotations

from pathlib import Path

import paramiko

from helpers._rules import sources
from helpers.bastion import (
    Bastion,
    BastionNotAnswering,
    KeyFileReadableByOthers,
    KeyFileUnreadable,
    WrongKey,
    WrongLogin,
    host_keys,
    read_key,
)
from helpers.diagnosis.way import Broken, Way, typed
from helpers.errors import CourseError
from helpers.network import Resource, gateway_of, is_active, name_of, route_table_of
from helpers.session import ssh_address

GROUP = "security group"


def key_file(way: Way) -> str:
    """The file is there."""
    if not way.key_file.is_file():
        raise Broken(f"There is no file {way.key_file.name} in your keys folder", _find_key(way))
    return f"{way.key_file.name} is there"


def permissions(way: Way) -> str:
    """Nobody else can read it: SSH programs refuse such a file."""
    try:
        way.key = read_key(way.key_file)
    except KeyFileReadableByOthers:
        mode = way.key_file.stat().st_mode & 0o777
        raise Broken(
            f"Other users of this machine can read {way.key_file.name} (its mode is {mode:04o}), "
            "and SSH programs refuse such a key",
            f"{typed(way.key_file)}.chmod(0o600)",
        ) from None
    except KeyFileUnreadable:
        pass  # That is for the hop that compares the key.
    return f"only you can read {way.key_file.name}"


def bastion(way: Way) -> str:
    """The EC2 instance exists."""
    if way.instance is None:
        wanted = way.bastion_id or "named bookstore-bastion, with the course's tag,"
        raise Broken(
            f"There is no EC2 instance {wanted} in this account and region", 'catch_up("1.3")'
        )
    return f"{way.bastion_name} exists"


def running(way: Way) -> str:
    """It runs."""
    state = way.bastion["State"]["Name"]
    if state != "running":
        waits = _wait_for_instance(way.bastion_id, "running")
        start = f'ec2.start_instances(InstanceIds=["{way.bastion_id}"])'
        to_do = {
            "pending": waits,
            "stopping": f"{_wait_for_instance(way.bastion_id, 'stopped')}; {start}",
        }
        raise Broken(f"{way.bastion_name} is {state}", to_do.get(state, start))
    return f"{way.bastion_name} is running"


def _wait_for_instance(instance_id: str, state: str) -> str:
    path = "Reservations.0.Instances.0.State.Name"
    return f'wait_for(ec2.describe_instances, "{path}", "{state}", InstanceIds=["{instance_id}"])'


def key_pair(way: Way) -> str:
    """The file holds the private half of the key pair that the bastion was launched with."""
    file = way.key_file.name
    if way.key is None:
        raise Broken(
            f"{file} holds no private key that can be read without a passphrase", _find_key(way)
        )
    if way.pair is None:
        # Deleted in EC2, a pair still opens the machines that were launched with it.
        return "EC2 does not have the bastion's key pair any more: the login will tell"
    name = way.pair["KeyName"]
    if not _is_half_of(way.key, way.pair):
        raise Broken(
            f'{file} holds another key than the key pair "{name}", with which {way.bastion_name} '
            "was launched",
            _find_key(way),
        )
    return f'{file} is the private half of the key pair "{name}"'


def fits(file: Path, pair: Resource) -> bool:
    """Whether a file holds the private half of a key pair, as EC2 describes it."""
    try:
        key = read_key(file)
    except CourseError:
        return False
    return _is_half_of(key, pair)


def _is_half_of(key: paramiko.PKey, pair: Resource) -> bool:
    # "ssh-rsa AAAA... comment"
    return key.get_base64() == pair["PublicKey"].split()[1]


def _find_key(way: Way) -> str:
    """Where the right key is, if it is in the same folder; else how to replace it."""
    if way.pair is not None:
        for file in sorted(way.key_file.parent.glob("*.pem")):
            if file != way.key_file and fits(file, way.pair):
                return f"{typed(file)}.replace({typed(way.key_file)})"
    return (
        "Put the file there that you saved when the key pair was made. If it is lost: page 1.2, "
        "step 1, tells how to replace a lost key"
    )


def public_address(way: Way) -> str:
    """The bastion has one, and it is the one you call."""
    now = way.bastion.get("PublicIpAddress")
    if not now:
        raise Broken(
            f"{way.bastion_name} has no public address, and can be given none any more",
            f'ec2.terminate_instances(InstanceIds=["{way.bastion_id}"]), then page 1.2, step 3, '
            "with AssociatePublicIpAddress=True",
        )
    if way.ssh_host and way.ssh_host not in (
        now,
        way.bastion.get("PublicDnsName"),
        ssh_address(way.bastion_id)[0],
    ):
        raise Broken(
            f"You call {way.ssh_host}, and the bastion's address is {now}: a machine that was "
            "stopped and started has another one",
            f'ssh_host = "{now}"',
        )
    return f"its public address is {now}"


def route(way: Way) -> str:
    """The subnet's routes and network ACLs let SSH in from you, and the answer out."""
    blocked = way.to_bastion.blocked_at
    if blocked and not blocked.what.startswith(GROUP):
        raise Broken(way.to_bastion.reason, _open_route(way, blocked.what))
    return next(h.because for h in way.to_bastion.hops if h.what == "route to the internet")


def _open_route(way: Way, blocked: str) -> str:
    vpc_id, subnet_id = way.bastion["VpcId"], way.bastion["SubnetId"]
    gateway = gateway_of(way.account, vpc_id)
    if blocked == "internet gateway":
        attach = 'ec2.attach_internet_gateway(InternetGatewayId=find("internet-gateway", '
        return f'{attach}"bookstore"), VpcId="{vpc_id}")'
    if blocked == "route to the internet" and gateway:
        return _add_route(way, subnet_id, gateway["InternetGatewayId"])
    return (
        f"{blocked} is in the way. Look at its entries, and let through what is denied: "
        "ec2.describe_network_acls(Filters=[{"
        f'"Name": "association.subnet-id", "Values": ["{subnet_id}"]}}])'
    )


def _add_route(way: Way, subnet_id: str, gateway_id: str) -> str:
    """A route in the subnet's own table, or else a table for it that has the route.

    Never a route in the VPC's main table: that would make the private subnets public too.
    """
    subnet = next(s for s in way.account.subnets if s["SubnetId"] == subnet_id)
    routes = route_table_of(way.account, subnet)
    of_subnet = [a.get("SubnetId") for a in routes["Associations"]] if routes else []
    if routes is None or subnet_id not in of_subnet:
        table = 'find("route-table", "bookstore-public")'
        return f'ec2.associate_route_table(RouteTableId={table}, SubnetId="{subnet_id}")'
    dead = any(
        r.get("DestinationCidrBlock") == "0.0.0.0/0" and not is_active(r)
        for r in routes.get("Routes", [])
    )
    call = "replace_route" if dead else "create_route"
    return (
        f'ec2.{call}(RouteTableId="{routes["RouteTableId"]}", '
        f'DestinationCidrBlock="0.0.0.0/0", GatewayId="{gateway_id}")'
    )


def rule_for_22(way: Way) -> str:
    """A security group lets SSH in from your address."""
    blocked = way.to_bastion.blocked_at
    if blocked:
        source = f'"IpRanges": [{{"CidrIp": "{way.you}/32"}}]'
        if ":" in way.you:
            source = f'"Ipv6Ranges": [{{"CidrIpv6": "{way.you}/128"}}]'
        groups = [g["GroupId"] for g in way.bastion.get("SecurityGroups", [])]
        raise Broken(
            way.to_bastion.reason + open_to(way, groups, 22), authorize(groups, 22, source)
        )
    return way.to_bastion.reason.partition(": ")[2]


def open_to(way: Way, group_ids: list[str], port: int) -> str:
    """Who may come in instead of you, as the end of a sentence."""
    groups = {g["GroupId"]: g for g in way.account.security_groups}
    others = {s for i in group_ids if i in groups for s in sources(groups[i], port)}
    names = [name_of(groups[s], "GroupId") if s in groups else s for s in sorted(others)]
    return f". It is open to {' and '.join(names)}" if names else ""


def authorize(group_ids: list[str], port: int, source: str) -> str:
    """The call that adds the inbound rule which is missing."""
    group = group_ids[0] if group_ids else "sg-..."
    return (
        f'ec2.authorize_security_group_ingress(GroupId="{group}", IpPermissions=[{{'
        f'"IpProtocol": "tcp", "FromPort": {port}, "ToPort": {port}, {source}}}])'
    )


def ssh_answers(way: Way) -> str:
    """Something answers on port 22, and it is an SSH server."""
    assert way.key is not None
    address = ssh_address(way.bastion_id)
    way.through = Bastion(way.bastion_id, address, way.ssh_user, way.key_file, way.key, way.timeout)
    try:
        way.transport = way.through.connect(way.closing)
    except BastionNotAnswering:
        raise Broken(
            f"AWS lets SSH from you to {way.bastion_name} through, and no SSH server answers "
            f"within {way.timeout:g} seconds: the machine is still starting, or a firewall on "
            "your side (of an office, of a VPN) keeps port 22 shut",
            f'ec2.describe_instance_status(InstanceIds=["{way.bastion_id}"]): wait until both '
            'are "ok", then try from another network, such as a phone\'s',
        ) from None
    return "an SSH server answers on port 22"


def host_key(way: Way) -> str:
    """It is the machine that EC2 describes, by its host key."""
    assert way.through is not None and way.transport is not None
    way.host_key = host_keys(way.bastion_id, ec2=way.ec2)[0]
    way.through.verify(way.transport, way.host_key)
    return f"it has the {way.host_key.get_name()} host key that EC2 shows"


def ssh_login(way: Way) -> str:
    """It lets you in."""
    assert way.through is not None and way.transport is not None
    try:
        way.through.log_in(way.transport)
    except WrongKey as refused:
        raise Broken(
            f'{way.bastion_name} refuses "{way.ssh_user}" with {way.key_file.name}',
            'ssh_user = "ec2-user"'
            if isinstance(refused, WrongLogin) or way.ssh_user != "ec2-user"
            else "The key pair was made anew after the launch, and the machine knows the old one. "
            f'ec2.terminate_instances(InstanceIds=["{way.bastion_id}"]), then page 1.2, step 3',
        ) from None
    return f"{way.ssh_user} is logged in"


HOPS = {
    "key file": key_file,
    "its permissions": permissions,
    "bastion": bastion,
    "bastion's state": running,
    "key pair": key_pair,
    "public address": public_address,
    "route": route,
    "port 22 rule": rule_for_22,
    "SSH answers": ssh_answers,
    "host key": host_key,
    "SSH login": ssh_login,
}
