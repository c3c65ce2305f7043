"""Launch GPU boxes on EC2, find them by tag, list them for Ansible, and terminate them.

    fleet_spec.py  FleetSpec    the boxes to launch; images.py and user_data.py provide two of its fields
    launch.py      LaunchPlan   the boxes to add to a fleet -> Box*, running and healthy
    boxes.py       Box*         the instances that carry the fleet's tag
    host_keys.py                host keys on the consoles -> known_hosts
    terminate.py                terminate boxes
    inventory.py                Box* -> an Ansible inventory
    prices.py      Price        the price from the AWS API, or why it is unknown; subnets.py gives the zone for spot

Only aws.py imports boto3; aws_refusals.py explains error codes. scripts/launch_box.py and scripts/inventory_ec2.py use
this package on the operator's machine. It is here rather than in scripts/ so that linters and tests cover it.
"""
