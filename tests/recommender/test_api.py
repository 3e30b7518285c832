from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from pydantic import TypeAdapter

from contracts.artifact import Model
from recommender.app import create_app
from recommender.current_model import CurrentModel
from recommender.metrics import Metrics
from recommender.schemas import History, PopularItems, Readiness, Recommendations, SimilarItems, Viewers
from recommender.served_model import ServedModel
from recommender.settings import RecommenderSettings
from runtime.http_problems import PROBLEM_JSON
from tests.recommender.models import small_model
from tests.runtime.asgi import Client

RANGE = "must be a whole number from 1 to 50"
OF_THE_MODEL = (
    "/popular",
    "/model",
    "/ready",
    "/users",
    "/users/1/history",
    "/items/i1/similar",
    "/api/recommendations/1",
)


class Service(Client):
    def __init__(self, model: Model | None) -> None:
        self.registry = CollectorRegistry()
        self.metrics, self.current = Metrics(self.registry), CurrentModel()
        super().__init__(create_app(self.current, self.metrics, self.registry, RecommenderSettings(max_num_items=50)))
        if model is not None:
            self.swap(model)

    def swap(self, model: Model) -> str:
        served = ServedModel.build(model)
        self.current.swap(served)
        self.metrics.swapped(served)
        return served.version

    def recommend(self, **body: Any) -> dict[str, Any]:
        answer = self.post("/recommend", json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
def service() -> Service:
    return Service(small_model())


def item_ids(answer: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM_JSON), answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_list_says_where_it_comes_from(service: Service) -> None:
    answer = service.post("/recommend", json={"user_id": 1, "num_items": 4}, headers={"X-Request-ID": "abc"})
    found = answer.json()
    assert found.keys() == {"request_id", "user_id", "model_version", "strategy", "items"}
    assert (found["request_id"], found["user_id"], found["strategy"]) == ("abc", "1", "personalized")
    assert found["model_version"] == service.current.take().version
    assert len(set(item_ids(found))) == 4
    item = found["items"][0]
    assert list(item) == ["item_id", "title", "genres", "media_type", "release_year", "score"]
    assert item["title"] == item["item_id"].replace("i", "Title ")


def test_ids_may_be_numbers_or_text_and_ten_is_the_default(service: Service) -> None:
    as_number, as_text = service.recommend(user_id=1), service.recommend(user_id="1")
    assert as_number["items"] == as_text["items"]
    assert len(as_number["items"]) == 10
    assert service.get("/api/recommendations/1?limit=10").json()["items"] == as_number["items"]


def test_options(service: Service) -> None:
    seen = set(item_ids(service.get("/users/1/history").json()))
    assert len(seen) == 5
    every = item_ids(service.recommend(user_id=1, num_items=50))
    assert len(every) == 25
    assert not seen & set(every)
    assert len(item_ids(service.recommend(user_id=1, num_items=50, include_seen=True))) == 30
    assert item_ids(service.recommend(user_id=1, num_items=1, exclude_items=[every[0], 7, "unknown"])) == [every[1]]


def test_unknown_viewers_get_what_is_popular(service: Service) -> None:
    popular = service.get("/popular").json()
    assert popular["strategy"] == "popular"
    for user_id in ("nobody", "8", "x" * 256, "ü/%?#"):
        found = service.recommend(user_id=user_id)
        assert (found["strategy"], found["items"]) == ("popular", popular["items"])
    assert service.get("/api/recommendations/some/path%2Fid").json()["user_id"] == "some/path/id"


def test_who_has_seen_everything_gets_an_empty_list() -> None:
    found = Service(small_model(n_items=6, seen=6)).recommend(user_id=1)
    assert found["items"] == []
    assert found["model_version"]


@pytest.mark.parametrize("num_items", [0, -1, 51, 10**9, 10**400, "ten", "5", 2.5, 2.0, True, None, [], {}])
def test_num_items_out_of_range_is_422(service: Service, num_items: Any) -> None:
    found = problem(service.post("/recommend", json={"user_id": 1, "num_items": num_items}), 422)
    assert found["errors"] == [{"field": "num_items", "message": RANGE}]


@pytest.mark.parametrize("value", ["0", "-1", "51", "1" * 400, "ten", "2.5", "true", "", "null"])
@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/recommendations/1", "limit"),
        ("/items/i1/similar", "num_items"),
        ("/popular", "num_items"),
        ("/users", "num_users"),
        ("/users/1/history", "num_items"),
    ],
)
def test_numbers_in_queries_out_of_range_are_422(service: Service, path: str, field: str, value: str) -> None:
    assert problem(service.get(path, params={field: value}), 422)["errors"] == [{"field": field, "message": RANGE}]


@pytest.mark.parametrize("user_id", ["", "x" * 257, None, 1.5, True, [], {}, 10**300])
def test_a_user_id_that_is_none_is_422(service: Service, user_id: Any) -> None:
    found = problem(service.post("/recommend", json={"user_id": user_id}), 422)
    assert [error["field"] for error in found["errors"]] == ["user_id"]
    assert len(str(found)) < 1000


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "user_id"),
        ({"user_id": 1, "num_itms": 3}, "num_itms"),
        ({"user_id": 1, "exclude_items": "i1"}, "exclude_items"),
        ({"user_id": 1, "exclude_items": ["i1", None]}, "exclude_items[1]"),
        ({"user_id": 1, "exclude_items": ["i1"] * 1001}, "exclude_items"),
        ({"user_id": 1, "include_seen": "yes"}, "include_seen"),
        ([], "body"),
    ],
)
def test_422_names_the_field(service: Service, body: Any, field: str) -> None:
    assert problem(service.post("/recommend", json=body), 422)["errors"][0]["field"] == field


def test_paths_with_impossible_ids_are_422(service: Service) -> None:
    for path in ("/api/recommendations/", f"/api/recommendations/{'x' * 257}", f"/users/{'x' * 257}/history"):
        assert problem(service.get(path), 422)["errors"][0]["field"] == "user_id"


@pytest.mark.parametrize("body", [b"", b"{", b"user_id=1", b"\xff", b'{"user_id": "\\ud800"}', b"[" * 5000])
def test_what_is_not_json_is_400(service: Service, body: bytes) -> None:
    assert "JSON" in problem(service.post("/recommend", content=body), 400)["detail"]


def test_ten_megabytes_are_413(service: Service) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 1000

    body = json.dumps({"user_id": 1, "exclude_items": ["x" * 100] * 100_000}).encode()
    assert "65536" in problem(service.post("/recommend", content=body), 413)["detail"]
    assert "65536" in problem(service.post("/recommend", content=endless()), 413)["detail"]


def test_more_than_there_is_gives_all_there_is() -> None:
    service = Service(small_model(n_items=12))
    assert len(service.recommend(user_id="nobody", num_items=50)["items"]) == 12
    assert len(service.get("/popular?num_items=50").json()["items"]) == 12
    assert len(service.get("/items/i1/similar?num_items=50").json()["items"]) == 11


def test_similar_items(service: Service) -> None:
    found = service.get("/items/i3/similar?num_items=5").json()
    assert (found["item_id"], found["strategy"]) == ("i3", "similar")
    assert len(item_ids(found)) == 5
    assert "i3" not in item_ids(found)
    assert problem(service.get("/items/unknown/similar"), 404)["detail"].endswith("knows no item with this item_id.")
    assert Service(small_model(dimensions=0)).get("/items/i3/similar").json()["strategy"] == "popular"


def test_history_and_viewers_for_the_page(service: Service) -> None:
    history = service.get("/users/2/history?num_items=3").json()
    assert history["known"] is True
    assert [item["grade"] for item in history["items"]] == sorted((i["grade"] for i in history["items"]), reverse=True)
    assert service.get("/users/8/history").json()["known"] is True
    assert service.get("/users/nobody/history").json() == {**history, "user_id": "nobody", "known": False, "items": []}
    assert service.get("/users?num_users=2").json()["user_ids"] == ["1", "7"]


def test_the_manifest_and_readiness(service: Service) -> None:
    version = service.current.take().version
    assert service.get("/model").json()["model_version"] == version
    service.current.trouble = "the store is away"
    assert (service.get("/ready").json()["status"], service.get("/ready").json()["trouble"]) == (
        "stale",
        "the store is away",
    )
    service.current.confirmed()
    ready = service.get("/ready").json()
    assert (ready["status"], ready["model_version"], ready["items"], ready["viewers"]) == ("ready", version, 30, 8)
    assert ready["model_age_seconds"] > 0


def test_before_the_first_model_everything_of_it_is_503() -> None:
    service = Service(None)
    service.current.why_none = "No model has been published yet."
    answers = [service.get(path) for path in OF_THE_MODEL] + [service.post("/recommend", json={"user_id": 1})]
    for answer in answers:
        assert problem(answer, 503)["detail"] == "No model has been published yet."
        assert answer.headers["retry-after"] == "2"
    for path in ("/health", "/metrics", "/", "/docs", "/openapi.json"):
        assert service.get(path).status_code == 200
    assert problem(service.post("/recommend", json={}), 422)
    service.swap(small_model())
    assert [service.get(path).status_code for path in OF_THE_MODEL] == [200] * len(OF_THE_MODEL)


def test_a_swap_shows_in_answers_and_metrics(service: Service) -> None:
    before = service.recommend(user_id=1)
    version = service.swap(small_model(seed=1))
    after = service.recommend(user_id=1)
    assert before["model_version"] != after["model_version"] == version
    service.recommend(user_id="nobody")
    metrics = service.get("/metrics").text
    for line in (
        'recommender_requests_total{strategy="personalized"} 2.0',
        'recommender_requests_total{strategy="popular"} 1.0',
        f'recommender_model_info{{model_version="{version}"}} 1.0',
        "recommender_reloads_total 2.0",
        "recommender_model_reload_failures_total 0.0",
        'http_requests_total{method="POST",route="/recommend",status="200"} 3.0',
    ):
        assert line in metrics
    assert metrics.count("recommender_model_info{") == 1


def test_the_page_needs_nothing_from_elsewhere(service: Service) -> None:
    answer = service.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(r"https?://|innerHTML", answer.text)
    assert "prefers-color-scheme: dark" in answer.text


def test_the_openapi_document_describes_what_is_answered(service: Service) -> None:
    document = service.get("/openapi.json").json()
    described = {
        "/recommend": ("post", Recommendations),
        "/api/recommendations/{user_id}": ("get", Recommendations),
        "/items/{item_id}/similar": ("get", SimilarItems),
        "/popular": ("get", PopularItems),
        "/users/{user_id}/history": ("get", History),
        "/users": ("get", Viewers),
        "/ready": ("get", Readiness),
    }
    for path, (method, model) in described.items():
        operation = document["paths"][path][method]
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": f"#/components/schemas/{model.__name__}"}
        assert PROBLEM_JSON in operation["responses"]["503"]["content"]
        filled = path.replace("{user_id}", "1").replace("{item_id}", "i1")
        answer = service.call(method.upper(), filled, json={"user_id": 1} if method == "post" else None)
        TypeAdapter(model).validate_json(answer.content)
    body = document["paths"]["/recommend"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert (body["properties"]["num_items"]["minimum"], body["properties"]["num_items"]["maximum"]) == (1, 50)
    assert body["additionalProperties"] is False


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
nearly = st.fixed_dictionaries(
    {"user_id": st.integers(-1, 12) | st.text(max_size=5) | anything},
    optional={
        "num_items": st.integers(-2, 60) | anything,
        "exclude_items": st.lists(st.sampled_from(["i1", "i2", 3]) | anything, max_size=5) | anything,
        "include_seen": st.booleans() | anything,
        "unknown": anything,
    },
)
EVERY_KIND = (Service(small_model()), Service(small_model(dimensions=0)), Service(small_model(1, 1)), Service(None))


@settings(max_examples=150, deadline=None)
@given(body=(anything | nearly).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=50))
@pytest.mark.parametrize("service", EVERY_KIND, ids=["factors", "popularity", "one item", "no model"])
def test_no_body_is_a_server_error(service: Service, body: bytes) -> None:
    answer = service.post("/recommend", content=body)
    has_model = service.current.model is not None
    assert answer.status_code in ({200, 400, 422} if has_model else {503, 400, 422}), answer.text
    if answer.status_code == 200:
        found = TypeAdapter(Recommendations).validate_json(answer.content)
        asked = json.loads(body)
        assert len({item.item_id for item in found.items}) == len(found.items) <= asked.get("num_items", 10)
        assert found.user_id == str(asked["user_id"])


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(["/api/recommendations/{}", "/users/{}/history", "/items/{}/similar"]),
    key=st.text(max_size=300),
    value=st.text(max_size=20) | st.integers().map(str),
)
def test_no_path_or_query_is_a_server_error(name: str, key: str, value: str) -> None:
    answer = EVERY_KIND[0].get(name.format(quote(key, safe="")), params={"limit": value, "num_items": value})
    assert answer.status_code in {200, 404, 422}, answer.text
